/* services.log._records: what the log does to each record, compiled, for many records a call.
 *
 * Each function is a shortcut of Python code, ours or aiokafka's, and answers None for what is not
 * plain; then that code does it. tests/differential/test_record_batches.py and test_log_blocks.py hold
 * them against each other.
 */
#include "blocks.h"
#include "pack_batches.h"
#include "read_batches.h"

/* ---- Entries by partition ------------------------------------------------------------------- */

/* The list of a partition's entries, a borrowed reference; it is made if there is none yet. */
static PyObject *list_of(PyObject *lists, uint32_t partition)
{
    PyObject *number = PyLong_FromUnsignedLong(partition);
    if (number == NULL)
        return NULL;
    PyObject *list = PyDict_GetItemWithError(lists, number);
    if (list == NULL && !PyErr_Occurred()) {
        PyObject *made = PyList_New(0);
        if (made != NULL && PyDict_SetItem(lists, number, made) == 0)
            list = made;
        Py_XDECREF(made);
    }
    Py_DECREF(number);
    return list;
}

PyDoc_STRVAR(split_doc,
"split(entries, partitions)\n--\n\n"
"See services.log.partitioning.Spreader.split; None for entries of which one has no key.");

static PyObject *
split(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *entries;
    int partitions;
    if (!PyArg_ParseTuple(arguments, "Oi", &entries, &partitions))
        return NULL;
    if (!is_series(entries) || partitions < 1)
        return Py_NewRef(Py_None);
    PyObject *lists = PyDict_New();
    if (lists == NULL)
        return NULL;
    for (Py_ssize_t index = 0; index < PySequence_Fast_GET_SIZE(entries); index++) {
        PyObject *entry = PySequence_Fast_GET_ITEM(entries, index);
        Part key, value;
        if (!as_entry(entry, &key, &value) || key.length < 0) {
            Py_DECREF(lists);
            return Py_NewRef(Py_None);
        }
        uint32_t hash = murmur2(key.start, (size_t)key.length) & INT32_MAX;
        Py_INCREF(entry);
        PyObject *list = list_of(lists, hash % (uint32_t)partitions);
        if (list == NULL || PyList_Append(list, entry) < 0) {
            Py_DECREF(entry);
            Py_DECREF(lists);
            return NULL;
        }
        Py_DECREF(entry);
    }
    return lists;
}

/* ---- The module ----------------------------------------------------------------------------- */

PyDoc_STRVAR(setup_doc,
"setup(Record)\n--\n\n"
"Once, before anything else. Raises ImportError if it is not the type known here.");

static PyObject *
setup(PyObject *Py_UNUSED(module), PyObject *type)
{
    if (!is_tuple_type(type)) {
        PyErr_SetString(PyExc_ImportError, "Record is no tuple");
        return NULL;
    }
    Py_XSETREF(record_type, (PyTypeObject *)Py_NewRef(type));
    Py_RETURN_NONE;
}

PyDoc_STRVAR(crc32c_doc,
"crc32c(data)\n--\n\n"
"Its CRC-32C twice: by the fastest way of this processor, and by tables.");

static PyObject *
both_crcs(PyObject *Py_UNUSED(module), PyObject *data)
{
    char *start;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(data, &start, &size) < 0)
        return NULL;
    return Py_BuildValue("(kk)", (unsigned long)crc32c(start, (size_t)size),
                         (unsigned long)crc32c_by_tables(start, (size_t)size));
}

static PyMethodDef methods[] = {
    {"setup", setup, METH_O, setup_doc},
    {"split", split, METH_VARARGS, split_doc},
    {"size_of", size_of, METH_O, size_of_doc},
    {"numbered", numbered, METH_VARARGS, numbered_doc},
    {"pack", pack, METH_O, pack_doc},
    {"unpack", unpack, METH_VARARGS, unpack_doc},
    {"read_batches", read_batches, METH_VARARGS, read_batches_doc},
    {"pack_batch", pack_batch, METH_VARARGS, pack_batch_doc},
    {"seal_batch", seal_batch, METH_VARARGS, seal_batch_doc},
    {"crc32c", both_crcs, METH_O, crc32c_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "services.log._records",
    .m_doc = "What the log does to each record, compiled.",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit__records(void)
{
    fill_crc_tables();
    return new_module(&definition);
}
