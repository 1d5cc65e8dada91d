/* services.enrich._entries: a shortcut of services/enrich/entries.py for records with bytes for key
 * and value, and few zones whose names need no escapes. Every other it leaves to the Python code.
 * tests/differential/test_entries.py holds the two against each other.
 */
#include "../../native/module.h"
#include "../../native/writing.h"

static PyTypeObject *entry_type;

/* Of Record and Enriched. */
enum { OFFSET, KEY, VALUE, RECORD_SIZE };
enum { ZONES, LATE, EVENTS, ENRICHED_SIZE };

#define MOST_ZONES 16
/* Punctuation and names of fields take less than 64 bytes. */
#define TAIL_BYTES (64 + MOST_ZONES * (TEXT_BYTES + 3) + 2 * NUMBER_BYTES)

/* What enrich adds to a fix's record, in the place of its closing brace. */
static bool
put_tail(Writer *writer, PyObject *zones, bool is_late, uint64_t partition, uint64_t offset)
{
    if (!PUT(writer, ",\"zones\":["))
        return false;
    for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(zones); index++)
        if ((index && !PUT(writer, ",")) || !put_text(writer, PyTuple_GET_ITEM(zones, index)))
            return false;
    return PUT(writer, "],\"late\":") &&
           (is_late ? PUT(writer, "true") : PUT(writer, "false")) &&
           PUT(writer, ",\"source\":[") && put_digits(writer, partition) && PUT(writer, ",") &&
           put_digits(writer, offset) && PUT(writer, "]}");
}

/* NULL without an exception if a name is not plain, or if there is no room for all of them. */
static PyObject *
splice(PyObject *value, PyObject *zones, bool is_late, uint64_t partition, uint64_t offset)
{
    char tail[TAIL_BYTES];
    Writer writer = {tail, tail + sizeof tail};
    Py_ssize_t kept = PyBytes_GET_SIZE(value) - 1;
    if (kept < 0 || !put_tail(&writer, zones, is_late, partition, offset))
        return NULL;
    PyObject *spliced = PyBytes_FromStringAndSize(NULL, kept + (writer.at - tail));
    if (spliced == NULL)
        return NULL;
    memcpy(PyBytes_AS_STRING(spliced), PyBytes_AS_STRING(value), (size_t)kept);
    memcpy(PyBytes_AS_STRING(spliced) + kept, tail, (size_t)(writer.at - tail));
    return spliced;
}

/* NULL without an exception for what is not plain. */
static PyObject *
plain_entry(PyObject *record, PyObject *enriched, uint64_t partition)
{
    if (!PyTuple_Check(record) || PyTuple_GET_SIZE(record) != RECORD_SIZE ||
        !PyTuple_Check(enriched) || PyTuple_GET_SIZE(enriched) != ENRICHED_SIZE)
        return NULL;
    PyObject *key = PyTuple_GET_ITEM(record, KEY), *value = PyTuple_GET_ITEM(record, VALUE);
    PyObject *offset = PyTuple_GET_ITEM(record, OFFSET), *late = PyTuple_GET_ITEM(enriched, LATE);
    PyObject *zones = PyTuple_GET_ITEM(enriched, ZONES);
    int overflows;
    if (!PyBytes_CheckExact(key) || PyBytes_GET_SIZE(key) == 0 || !PyBytes_CheckExact(value) ||
        !PyLong_CheckExact(offset) || !PyBool_Check(late) || !PyTuple_CheckExact(zones))
        return NULL;
    long long place = PyLong_AsLongLongAndOverflow(offset, &overflows);
    PyObject *spliced = overflows || place < 0 ? NULL
                                               : splice(value, zones, late == Py_True, partition,
                                                        (uint64_t)place);
    if (spliced == NULL)
        return NULL;
    PyObject *entry = new_tuple(entry_type, 2);
    if (entry == NULL) {
        Py_DECREF(spliced);
        return NULL;
    }
    PyTuple_SET_ITEM(entry, 0, Py_NewRef(key));
    PyTuple_SET_ITEM(entry, 1, spliced);
    /* Bytes are in no cycle: the collector need not look at them. */
    PyObject_GC_UnTrack(entry);
    return entry;
}

PyDoc_STRVAR(plain_entries_doc,
"plain_entries(records, results, partition)\n--\n\n"
"An Entry for each Record of a partition of the fix topic and its Enriched, with None for those\n"
"that are not plain, and a list of the indices of those. Lists of one length. Raises TypeError,\n"
"ValueError, OverflowError.");

static PyObject *
plain_entries(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *records, *results;
    long long partition;
    if (!PyArg_ParseTuple(arguments, "O!O!L", &PyList_Type, &records, &PyList_Type, &results,
                          &partition))
        return NULL;
    Py_ssize_t count = PyList_GET_SIZE(records);
    if (entry_type == NULL || PyList_GET_SIZE(results) != count || partition < 0) {
        PyErr_SetString(PyExc_ValueError, "setup(), lists of one length, a partition are needed");
        return NULL;
    }
    PyObject *entries = PyList_New(count), *odd = PyList_New(0);
    if (entries == NULL || odd == NULL)
        goto failed;
    for (Py_ssize_t index = 0; index < count; index++) {
        PyObject *entry = plain_entry(PyList_GET_ITEM(records, index),
                                      PyList_GET_ITEM(results, index), (uint64_t)partition);
        if (entry == NULL) {
            PyObject *number = PyErr_Occurred() ? NULL : PyLong_FromSsize_t(index);
            int failed = number == NULL || PyList_Append(odd, number);
            Py_XDECREF(number);
            if (failed)
                goto failed;
            entry = Py_NewRef(Py_None);
        }
        PyList_SET_ITEM(entries, index, entry);
    }
    return Py_BuildValue("(NN)", entries, odd);
failed:
    Py_XDECREF(entries);
    Py_XDECREF(odd);
    return NULL;
}

PyDoc_STRVAR(setup_doc,
"setup(Entry)\n--\n\n"
"Once, before anything else.");

static PyObject *
setup(PyObject *Py_UNUSED(module), PyObject *type)
{
    if (!is_tuple_type(type)) {
        PyErr_SetString(PyExc_ImportError, "Entry is no tuple");
        return NULL;
    }
    Py_XSETREF(entry_type, (PyTypeObject *)Py_NewRef(type));
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"setup", setup, METH_O, setup_doc},
    {"plain_entries", plain_entries, METH_VARARGS, plain_entries_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "services.enrich._entries",
    .m_doc = "A shortcut of services.enrich.entries, compiled.",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit__entries(void)
{
    return new_module(&definition);
}
