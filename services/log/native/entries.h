/* Entries to append and records that were read, as services/log/base.py has them. */
#ifndef DIPPER_ENTRIES_H
#define DIPPER_ENTRIES_H

#include "../../native/module.h"

#include <stdint.h>

static PyTypeObject *record_type;
#define RECORD_SIZE 3

/* A key or a value: its bytes, or a length of -1 for None. */
typedef struct {
    const char *start;
    Py_ssize_t length;
} Part;

static inline bool as_part(PyObject *object, Part *part)
{
    if (object == Py_None) {
        *part = (Part){NULL, -1};
        return true;
    }
    if (!PyBytes_CheckExact(object))
        return false;
    *part = (Part){PyBytes_AS_STRING(object), PyBytes_GET_SIZE(object)};
    return true;
}

static inline bool is_series(PyObject *object)
{
    return PyList_Check(object) || PyTuple_Check(object);
}

/* A tuple of a key and a value, each bytes or None. */
static inline bool as_entry(PyObject *object, Part *key, Part *value)
{
    *key = *value = (Part){NULL, -1};
    return PyTuple_Check(object) && PyTuple_GET_SIZE(object) == 2 &&
           as_part(PyTuple_GET_ITEM(object, 0), key) && as_part(PyTuple_GET_ITEM(object, 1), value);
}

static inline Py_ssize_t bytes_of(Part part)
{
    return part.length > 0 ? part.length : 0;
}

static inline PyObject *from_part(Part part)
{
    if (part.length < 0)
        return Py_NewRef(Py_None);
    return PyBytes_FromStringAndSize(part.start, part.length);
}

/* A Record; takes over the references to key and value, one of which may be NULL after an error. */
static PyObject *new_record(long long offset, PyObject *key, PyObject *value)
{
    PyObject *number = PyLong_FromLongLong(offset);
    PyObject *record = key == NULL || value == NULL || number == NULL
                           ? NULL
                           : new_tuple(record_type, RECORD_SIZE);
    if (record == NULL) {
        Py_XDECREF(number);
        Py_XDECREF(key);
        Py_XDECREF(value);
        return NULL;
    }
    PyTuple_SET_ITEM(record, 0, number);
    PyTuple_SET_ITEM(record, 1, key);
    PyTuple_SET_ITEM(record, 2, value);
    /* It holds a number and bytes only: the garbage collector has nothing to find there. */
    PyObject_GC_UnTrack(record);
    return record;
}

/* Append to a list; takes over the reference. */
static bool add(PyObject *list, PyObject *item)
{
    if (item == NULL)
        return false;
    int failed = PyList_Append(list, item);
    Py_DECREF(item);
    return failed == 0;
}

#endif
