/* Rows of positions, as Python has them, in PostgreSQL's binary format (record_recv). */
#ifndef DIPPER_PACK_H
#define DIPPER_PACK_H

#include "row.h"

typedef struct {
    char *start;
    size_t used;
    size_t room;
} Buffer;

static char *
extend(Buffer *buffer, size_t size)
{
    if (buffer->room - buffer->used < size) {
        size_t room = 2 * buffer->room + size;
        char *moved = PyMem_Realloc(buffer->start, room);
        if (moved == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        buffer->start = moved;
        buffer->room = room;
    }
    char *place = buffer->start + buffer->used;
    buffer->used += size;
    return place;
}

static void
put16(char *place, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(place, &value, 2);
}

static void
put32(char *place, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(place, &value, 4);
}

static void
put64(char *place, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(place, &value, 8);
}

enum { OID_BOOL = 16, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25, OID_FLOAT4 = 700,
       OID_FLOAT8 = 701, OID_TEXT_ARRAY = 1009, OID_TIMESTAMPTZ = 1184 };

static int
put_integer(Buffer *buffer, uint32_t oid, PyObject *value, int bytes)
{
    int overflow;
    if (!PyLong_Check(value)) {
        PyErr_Format(PyExc_TypeError, "an integer is needed, not %.100s", Py_TYPE(value)->tp_name);
        return 0;
    }
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (number == -1 && PyErr_Occurred())
        return 0;
    long long most = bytes == 8 ? INT64_MAX : bytes == 4 ? INT32_MAX : INT16_MAX;
    if (overflow || number > most || number < -most - 1) {
        PyErr_Format(PyExc_OverflowError, "%R needs more than %d bytes", value, bytes);
        return 0;
    }
    char *place = extend(buffer, 8 + (size_t)bytes);
    if (place == NULL)
        return 0;
    put32(place, oid);
    put32(place + 4, (uint32_t)bytes);
    if (bytes == 8)
        put64(place + 8, (uint64_t)number);
    else if (bytes == 4)
        put32(place + 8, (uint32_t)number);
    else
        put16(place + 8, (uint16_t)number);
    return 1;
}

static int
put_float(Buffer *buffer, uint32_t oid, PyObject *value)
{
    double number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred())
        return 0;
    if (oid == OID_FLOAT8) {
        char *place = extend(buffer, 16);
        if (place == NULL)
            return 0;
        uint64_t bits;
        memcpy(&bits, &number, 8);
        put32(place, oid);
        put32(place + 4, 8);
        put64(place + 8, bits);
        return 1;
    }
    float narrow = (float)number;
    if (isinf(narrow) && !isinf(number)) {
        PyErr_Format(PyExc_OverflowError, "%R needs more than 4 bytes", value);
        return 0;
    }
    char *place = extend(buffer, 12);
    if (place == NULL)
        return 0;
    uint32_t bits;
    memcpy(&bits, &narrow, 4);
    put32(place, oid);
    put32(place + 4, 4);
    put32(place + 8, bits);
    return 1;
}

static int
put_texts(Buffer *buffer, PyObject *value)
{
    PyObject *texts = PySequence_Fast(value, "a list of texts is needed");
    if (texts == NULL)
        return 0;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(texts);
    size_t start = buffer->used;
    int done = 0;
    char *head = extend(buffer, count ? 28 : 20);
    if (head == NULL)
        goto out;
    put32(head, OID_TEXT_ARRAY);
    put32(head + 8, count ? 1 : 0);
    put32(head + 12, 0);
    put32(head + 16, OID_TEXT);
    if (count) {
        put32(head + 20, (uint32_t)count);
        put32(head + 24, 1);
    }
    for (Py_ssize_t index = 0; index < count; index++) {
        Py_ssize_t length;
        const char *text = PyUnicode_AsUTF8AndSize(PySequence_Fast_GET_ITEM(texts, index), &length);
        if (text == NULL)
            goto out;
        char *place = extend(buffer, 4 + (size_t)length);
        if (place == NULL)
            goto out;
        put32(place, (uint32_t)length);
        memcpy(place + 4, text, (size_t)length);
    }
    put32(buffer->start + start + 4, (uint32_t)(buffer->used - start - 8));
    done = 1;
out:
    Py_DECREF(texts);
    return done;
}

static const uint32_t OIDS[COLUMNS] = {
    OID_TIMESTAMPTZ, OID_FLOAT8, OID_FLOAT8, OID_INT4, OID_FLOAT4, OID_FLOAT4, OID_FLOAT4,
    OID_FLOAT4, OID_FLOAT4, OID_INT2, OID_INT2, OID_INT2, OID_INT2, OID_INT2, OID_INT2, OID_INT2,
    OID_INT2, OID_INT2, OID_INT2, OID_BOOL, OID_TEXT_ARRAY,
};

static int
put_value(Buffer *buffer, uint32_t oid, PyObject *value)
{
    if (value == Py_None) {
        char *place = extend(buffer, 8);
        if (place == NULL)
            return 0;
        put32(place, oid);
        put32(place + 4, UINT32_MAX);
        return 1;
    }
    switch (oid) {
    case OID_TIMESTAMPTZ:
        if (!PyTuple_Check(value) || PyTuple_GET_SIZE(value) != 1) {
            PyErr_SetString(PyExc_TypeError, "a time is a tuple of one integer");
            return 0;
        }
        return put_integer(buffer, oid, PyTuple_GET_ITEM(value, 0), 8);
    case OID_FLOAT8:
    case OID_FLOAT4:
        return put_float(buffer, oid, value);
    case OID_INT4:
        return put_integer(buffer, oid, value, 4);
    case OID_INT2:
        return put_integer(buffer, oid, value, 2);
    case OID_BOOL: {
        if (!PyBool_Check(value)) {
            PyErr_Format(PyExc_TypeError, "a bool is needed, not %.100s", Py_TYPE(value)->tp_name);
            return 0;
        }
        char *place = extend(buffer, 9);
        if (place == NULL)
            return 0;
        put32(place, oid);
        put32(place + 4, 1);
        place[8] = value == Py_True;
        return 1;
    }
    default:
        return put_texts(buffer, value);
    }
}

static int
put_row(Buffer *buffer, PyObject *row)
{
    if (!PyTuple_Check(row) || PyTuple_GET_SIZE(row) != COLUMNS) {
        PyErr_Format(PyExc_TypeError, "a row is a tuple of %d values", COLUMNS);
        return 0;
    }
    size_t start = buffer->used;
    char *head = extend(buffer, 8);
    if (head == NULL)
        return 0;
    put32(head + 4, COLUMNS);
    for (int column = 0; column < COLUMNS; column++)
        if (!put_value(buffer, OIDS[column], PyTuple_GET_ITEM(row, column)))
            return 0;
    put32(buffer->start + start, (uint32_t)(buffer->used - start - 4));
    return 1;
}

#endif
