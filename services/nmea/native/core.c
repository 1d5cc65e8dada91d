/* services.nmea._core: reads plain good lines as services/nmea/read.py does, only faster.
 *
 * "Plain" is a line of at most 132 bytes that is one sentence of a typed kind from its "$" to a
 * checksum that holds, all fields spelt as receivers spell them. Of every other line this module
 * says nothing, and the Python code reads it. So the Python code alone defines what a line says,
 * and this file is a shortcut that may be left out: tests/differential/test_core.py holds the two
 * against each other.
 *
 * The state is the interpreter's only one: the types that setup() was given and the talkers.
 */
#include "epochs.h"
#include "lines.h"
#include "stream.h"

#ifndef CORE_SOURCE
#define CORE_SOURCE "unknown"
#endif

/* (line, reading, ordinal); takes over the reference to the reading. */
static PyObject *numbered(PyObject *line, PyObject *reading, long long ordinal)
{
    PyObject *number = PyLong_FromLongLong(ordinal);
    PyObject *result = number == NULL ? NULL : PyTuple_New(3);
    if (result == NULL) {
        Py_XDECREF(number);
        Py_DECREF(reading);
        return NULL;
    }
    PyTuple_SET_ITEM(result, 0, Py_NewRef(line));
    PyTuple_SET_ITEM(result, 1, reading);
    PyTuple_SET_ITEM(result, 2, number);
    /* As with the reading: nothing in it can lead back to it. */
    PyObject_GC_UnTrack(result);
    return result;
}

/* Add what read_otherwise(line, ordinal), a list, says. False with an exception. */
static bool add_otherwise(PyObject *read, PyObject *read_otherwise, PyObject *line,
                          long long ordinal)
{
    PyObject *number = PyLong_FromLongLong(ordinal);
    if (number == NULL)
        return false;
    PyObject *more = PyObject_CallFunctionObjArgs(read_otherwise, line, number, NULL);
    Py_DECREF(number);
    if (more == NULL)
        return false;
    Py_ssize_t size = PyList_GET_SIZE(read);
    int failed = PyList_SetSlice(read, size, size, more);
    Py_DECREF(more);
    return failed == 0;
}

static PyObject *plain_line(PyObject *line, long long max_fields)
{
    return PyBytes_CheckExact(line)
               ? plain_reading(PyBytes_AS_STRING(line), PyBytes_GET_SIZE(line), max_fields)
               : NULL;
}

static bool add(PyObject *read, PyObject *read_otherwise, PyObject *line, long long ordinal,
                long long max_fields)
{
    PyObject *reading = plain_line(line, max_fields);
    if (reading == NULL)
        return !PyErr_Occurred() && add_otherwise(read, read_otherwise, line, ordinal);
    PyObject *item = numbered(line, reading, ordinal);
    if (item == NULL)
        return false;
    int failed = PyList_Append(read, item);
    Py_DECREF(item);
    return failed == 0;
}

PyDoc_STRVAR(read_lines_doc,
             "read_lines(lines, first_ordinal, max_fields, read_otherwise)\n--\n\n"
             "[(line, reading, ordinal), …]; read_otherwise(line, ordinal) gives such a list for "
             "a line that is not plain or has more fields.");

static PyObject *core_read_lines(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                                 Py_ssize_t count)
{
    if (count != 4) {
        PyErr_SetString(PyExc_TypeError, "read_lines takes 4 arguments");
        return NULL;
    }
    long long ordinal = PyLong_AsLongLong(arguments[1]);
    if (ordinal == -1 && PyErr_Occurred())
        return NULL;
    long long max_fields = PyLong_AsLongLong(arguments[2]);
    if ((max_fields == -1 && PyErr_Occurred()) || !is_set_up())
        return NULL;
    PyObject *lines = PySequence_Fast(arguments[0], "lines must be a sequence");
    PyObject *read = lines == NULL ? NULL : PyList_New(0);
    if (read == NULL) {
        Py_XDECREF(lines);
        return NULL;
    }
    /* The size anew each time: a list could change while Python code runs. */
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(lines); i++) {
        PyObject *line = Py_NewRef(PySequence_Fast_GET_ITEM(lines, i));
        bool added = add(read, arguments[3], line, ordinal++, max_fields);
        Py_DECREF(line);
        if (!added) {
            Py_CLEAR(read);
            break;
        }
    }
    Py_DECREF(lines);
    return read;
}

PyDoc_STRVAR(read_plain_doc, "read_plain(line)\n--\n\nThe reading of a plain line, else None.");

static PyObject *core_read_plain(PyObject *Py_UNUSED(module), PyObject *line)
{
    if (!is_set_up())
        return NULL;
    PyObject *reading = plain_line(line, FIELDS_AND_ADDRESS);
    return reading == NULL && !PyErr_Occurred() ? Py_NewRef(Py_None) : reading;
}

/* The NamedTuple of a kind. ImportError if its fields are not those that this file fills. */
static bool take_type(PyObject *by_name, enum Kind kind, const char *name, const char *expected)
{
    PyObject *type = PyDict_GetItemString(by_name, name);
    if (!has_fields(type, name, expected))
        return false;
    Py_XSETREF(types[kind], (PyTypeObject *)Py_NewRef(type));
    return true;
}

PyDoc_STRVAR(setup_doc,
             "setup(types, constellation, by_talker, by_system, unknown)\n--\n\n"
             "Once, before anything else: the types by name and what constellations.py has. "
             "Raises ImportError if the types have other fields than those known here.");

static PyObject *core_setup(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *by_name, *function, *by_talker, *by_system, *unknown;
    if (!PyArg_ParseTuple(arguments, "O!OO!O!U", &PyDict_Type, &by_name, &function, &PyDict_Type,
                          &by_talker, &PyDict_Type, &by_system, &unknown))
        return NULL;
#define TAKE(name, fields)                                                                       \
    if (!take_type(by_name, name, #name, fields))                                                \
        return NULL;
    KINDS(TAKE)
#undef TAKE
    PyObject *id, *named;
    for (Py_ssize_t at = 0; PyDict_Next(by_system, &at, &id, &named);) {
        if (PyBytes_Check(id) && PyBytes_GET_SIZE(id) == 1) {
            unsigned char byte = (unsigned char)PyBytes_AS_STRING(id)[0];
            Py_XSETREF(constellation_by_system[byte], Py_NewRef(named));
        }
    }
    Py_XSETREF(constellation_by_talker, Py_NewRef(by_talker));
    Py_XSETREF(unknown_constellation, Py_NewRef(unknown));
    Py_XSETREF(constellation_function, Py_NewRef(function));
    Py_RETURN_NONE;
}

static PyMethodDef METHODS[] = {
    {"setup", core_setup, METH_VARARGS, setup_doc},
    {"read_plain", core_read_plain, METH_O, read_plain_doc},
    {"setup_fix", core_setup_fix, METH_VARARGS, setup_fix_doc},
    {"next_epoch", (PyCFunction)(void (*)(void))core_next_epoch, METH_FASTCALL, next_epoch_doc},
    {"whole_epochs", (PyCFunction)(void (*)(void))core_whole_epochs, METH_FASTCALL,
     whole_epochs_doc},
    {"plain_fix", (PyCFunction)(void (*)(void))core_plain_fix, METH_FASTCALL, plain_fix_doc},
    {"read_lines", (PyCFunction)(void (*)(void))core_read_lines, METH_FASTCALL, read_lines_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT,
    .m_name = "services.nmea._core",
    .m_doc = "Reads plain good lines as services.nmea.read does, only faster.",
    .m_size = -1,
    .m_methods = METHODS,
};

PyMODINIT_FUNC PyInit__core(void)
{
    PyObject *module = new_module(&MODULE);
    if (module == NULL || PyModule_AddStringConstant(module, "SOURCE", CORE_SOURCE) < 0) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
