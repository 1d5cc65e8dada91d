/* services.enrich._entries: a shortcut of services/enrich/entries.py for records with bytes for key
 * and value whose zones' names need no escapes. Every other it leaves to the Python code.
 * tests/differential/test_entries.py holds the two against each other.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static PyTypeObject *entry_type;

/* Of Record and Enriched. */
enum { OFFSET, KEY, VALUE, RECORD_SIZE };
enum { ZONES, LATE, EVENTS, ENRICHED_SIZE };

static const char BEFORE_ZONES[] = ",\"zones\":[";
static const char NOT_LATE[] = "],\"late\":false,\"source\":[";
static const char IS_LATE[] = "],\"late\":true,\"source\":[";

/* A number in digits. */
typedef struct {
    char room[24];
    const char *first;
    size_t length;
} Digits;

static void
set_digits(Digits *digits, long long number)
{
    char *end = digits->room + sizeof digits->room, *first = end;
    unsigned long long rest =
        number < 0 ? 0ULL - (unsigned long long)number : (unsigned long long)number;
    do
        *--first = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        *--first = '-';
    digits->first = first;
    digits->length = (size_t)(end - first);
}

static char *
put_text(char *at, const char *text, size_t length)
{
    memcpy(at, text, length);
    return at + length;
}

/* Whether a zone's name is itself in JSON. */
static bool
is_plain(PyObject *name)
{
    if (!PyUnicode_CheckExact(name) || !PyUnicode_IS_COMPACT_ASCII(name))
        return false;
    const char *text = PyUnicode_DATA(name);
    for (Py_ssize_t index = 0; index < PyUnicode_GET_LENGTH(name); index++)
        if (text[index] < ' ' || text[index] > '~' || text[index] == '"' || text[index] == '\\')
            return false;
    return true;
}

/* Bytes that the names take with quotes and commas; -1 if any is not plain. */
static Py_ssize_t
zones_room(PyObject *zones)
{
    Py_ssize_t room = 0;
    for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(zones); index++) {
        PyObject *name = PyTuple_GET_ITEM(zones, index);
        if (!is_plain(name))
            return -1;
        room += PyUnicode_GET_LENGTH(name) + (index ? 3 : 2);
    }
    return room;
}

static char *
put_zones(char *at, PyObject *zones)
{
    for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(zones); index++) {
        PyObject *name = PyTuple_GET_ITEM(zones, index);
        if (index)
            *at++ = ',';
        *at++ = '"';
        at = put_text(at, PyUnicode_DATA(name), (size_t)PyUnicode_GET_LENGTH(name));
        *at++ = '"';
    }
    return at;
}

/* The fix's bytes but for the closing brace, and what enrich adds to them. NULL without an exception
 * if a name is not plain. */
static PyObject *
splice(PyObject *value, PyObject *zones, bool is_late, const Digits *partition, long long offset)
{
    Digits place;
    Py_ssize_t room = zones_room(zones), kept = PyBytes_GET_SIZE(value) - 1;
    if (room < 0 || kept < 0)
        return NULL;
    set_digits(&place, offset);
    const char *late = is_late ? IS_LATE : NOT_LATE;
    size_t late_length = (is_late ? sizeof IS_LATE : sizeof NOT_LATE) - 1;
    size_t tail = sizeof BEFORE_ZONES - 1 + (size_t)room + late_length + partition->length +
                  sizeof "," - 1 + place.length + sizeof "]}" - 1;
    PyObject *spliced = PyBytes_FromStringAndSize(NULL, kept + (Py_ssize_t)tail);
    if (spliced == NULL)
        return NULL;
    char *at = put_text(PyBytes_AS_STRING(spliced), PyBytes_AS_STRING(value), (size_t)kept);
    at = put_text(at, BEFORE_ZONES, sizeof BEFORE_ZONES - 1);
    at = put_zones(at, zones);
    at = put_text(at, late, late_length);
    at = put_text(at, partition->first, partition->length);
    *at++ = ',';
    at = put_text(at, place.first, place.length);
    put_text(at, "]}", 2);
    return spliced;
}

/* NULL without an exception for what is not plain. */
static PyObject *
plain_entry(PyObject *record, PyObject *enriched, const Digits *partition)
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
    PyObject *spliced =
        overflows ? NULL : splice(value, zones, late == Py_True, partition, place);
    if (spliced == NULL)
        return NULL;
    PyObject *entry = entry_type->tp_alloc(entry_type, 2);
    if (entry == NULL) {
        Py_DECREF(spliced);
        return NULL;
    }
#if PY_VERSION_HEX >= 0x030E0000
    /* From 3.14 on tuples remember their hash; -1 is none. */
    ((PyTupleObject *)entry)->ob_hash = -1;
#endif
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
    Digits digits;
    set_digits(&digits, partition);
    if (entry_type == NULL || PyList_GET_SIZE(results) != count) {
        PyErr_SetString(PyExc_ValueError, "setup() and lists of one length are needed");
        return NULL;
    }
    PyObject *entries = PyList_New(count), *odd = PyList_New(0);
    if (entries == NULL || odd == NULL)
        goto failed;
    for (Py_ssize_t index = 0; index < count; index++) {
        PyObject *entry = plain_entry(PyList_GET_ITEM(records, index),
                                      PyList_GET_ITEM(results, index), &digits);
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
    if (!PyType_Check(type) || !PyType_IsSubtype((PyTypeObject *)type, &PyTuple_Type)) {
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
    const char *pure = getenv("DIPPER_PURE_PYTHON");
    if (pure != NULL && pure[0] != '\0' && strcmp(pure, "0") != 0) {
        PyErr_SetString(PyExc_ImportError, "DIPPER_PURE_PYTHON is set");
        return NULL;
    }
    return PyModule_Create(&definition);
}
