/* What every extension module of Dipper does alike. */
#ifndef DIPPER_MODULE_H
#define DIPPER_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A module whose code is ruled out by the environment can't be imported; NULL then, with an
 * exception. Python code does its work. */
static inline PyObject *new_module(struct PyModuleDef *definition)
{
    const char *pure = getenv("DIPPER_PURE_PYTHON");
    if (pure != NULL && pure[0] != '\0' && strcmp(pure, "0") != 0) {
        PyErr_SetString(PyExc_ImportError, "DIPPER_PURE_PYTHON is set");
        return NULL;
    }
    return PyModule_Create(definition);
}

static inline bool is_tuple_type(PyObject *type)
{
    return PyType_Check(type) && PyType_IsSubtype((PyTypeObject *)type, &PyTuple_Type);
}

/* Whether it is a NamedTuple with just these fields; ImportError if not. */
static inline bool has_fields(PyObject *type, const char *name, const char *expected)
{
    if (type == NULL || !is_tuple_type(type)) {
        PyErr_Format(PyExc_ImportError, "no type %s", name);
        return false;
    }
    PyObject *names = PyObject_GetAttrString(type, "_fields");
    PyObject *space = names == NULL ? NULL : PyUnicode_FromString(" ");
    PyObject *joined = space == NULL ? NULL : PyUnicode_Join(space, names);
    bool fits = joined != NULL && PyUnicode_CompareWithASCIIString(joined, expected) == 0;
    if (joined != NULL && !fits)
        PyErr_Format(PyExc_ImportError, "built for another %s", name);
    Py_XDECREF(names);
    Py_XDECREF(space);
    Py_XDECREF(joined);
    return fits;
}

/* A NamedTuple whose items are still to be set. */
static inline PyObject *new_tuple(PyTypeObject *type, Py_ssize_t size)
{
    PyObject *tuple = type->tp_alloc(type, size);
#if PY_VERSION_HEX >= 0x030E0000
    /* From 3.14 on tuples remember their hash; -1 is none. */
    if (tuple != NULL)
        ((PyTupleObject *)tuple)->ob_hash = -1;
#endif
    return tuple;
}

#endif
