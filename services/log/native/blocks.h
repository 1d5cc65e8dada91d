/* Blocks of the embedded log: services/log/blocks.py in C. */
#ifndef DIPPER_BLOCKS_H
#define DIPPER_BLOCKS_H

#include "entries.h"

static inline void put_length(char *place, int32_t length)
{
    uint32_t bits = (uint32_t)length;
    for (int at = 0; at < 4; at++)
        place[at] = (char)(bits >> 8 * at);
}

static inline int32_t length_at(const char *place)
{
    uint32_t bits = 0;
    for (int at = 0; at < 4; at++)
        bits |= (uint32_t)(unsigned char)place[at] << 8 * at;
    return (int32_t)bits;
}

/* Bytes of all keys and values; -1 for entries that are not plain. */
static Py_ssize_t size_of_entries(PyObject *entries)
{
    if (!is_series(entries))
        return -1;
    Py_ssize_t size = 0;
    for (Py_ssize_t index = 0; index < PySequence_Fast_GET_SIZE(entries); index++) {
        Part key, value;
        if (!as_entry(PySequence_Fast_GET_ITEM(entries, index), &key, &value))
            return -1;
        size += bytes_of(key) + bytes_of(value);
    }
    return size;
}

PyDoc_STRVAR(size_of_doc,
"size_of(entries)\n--\n\n"
"See services.log.blocks.size_of; None for entries that are not plain.");

static PyObject *
size_of(PyObject *Py_UNUSED(module), PyObject *entries)
{
    Py_ssize_t size = size_of_entries(entries);
    return size < 0 ? Py_NewRef(Py_None) : PyLong_FromSsize_t(size);
}

PyDoc_STRVAR(pack_doc,
"pack(entries)\n--\n\n"
"See services.log.blocks.pack; None for entries that are not plain.");

static PyObject *
pack(PyObject *Py_UNUSED(module), PyObject *entries)
{
    Py_ssize_t size = size_of_entries(entries);
    if (size < 0 || size > INT32_MAX)
        return Py_NewRef(Py_None);
    Py_ssize_t count = PySequence_Fast_GET_SIZE(entries);
    PyObject *blob = PyBytes_FromStringAndSize(NULL, 8 * count + size);
    if (blob == NULL)
        return NULL;
    char *table = PyBytes_AS_STRING(blob), *place = table + 8 * count;
    for (Py_ssize_t index = 0; index < count; index++, table += 8) {
        Part key, value;
        as_entry(PySequence_Fast_GET_ITEM(entries, index), &key, &value);
        put_length(table, (int32_t)key.length);
        put_length(table + 4, (int32_t)value.length);
        if (key.length > 0)
            memcpy(place, key.start, (size_t)key.length);
        place += bytes_of(key);
        if (value.length > 0)
            memcpy(place, value.start, (size_t)value.length);
        place += bytes_of(value);
    }
    return blob;
}

/* Whether the table of lengths tells just how long the blob is. */
static bool is_whole(const char *table, Py_ssize_t count, Py_ssize_t size)
{
    if (count < 0 || count > size / 8)
        return false;
    Py_ssize_t told = 8 * count;
    for (Py_ssize_t index = 0; index < 2 * count; index++) {
        int32_t length = length_at(table + 4 * index);
        told += length > 0 ? length : 0;
    }
    return told == size;
}

static Part next_part(const char **place, int32_t length)
{
    Part part = {*place, length < 0 ? -1 : length};
    *place += bytes_of(part);
    return part;
}

PyDoc_STRVAR(unpack_doc,
"unpack(blob, count, first_offset, from_offset)\n--\n\n"
"See services.log.blocks.unpack; None for a blob that is not plain.");

static PyObject *
unpack(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *blob;
    Py_ssize_t count;
    long long first, from;
    if (!PyArg_ParseTuple(arguments, "OnLL", &blob, &count, &first, &from))
        return NULL;
    if (!PyBytes_CheckExact(blob) || first < 0 || first > INT64_MAX / 2 ||
        !is_whole(PyBytes_AS_STRING(blob), count, PyBytes_GET_SIZE(blob)))
        return Py_NewRef(Py_None);
    PyObject *records = PyList_New(0);
    if (records == NULL)
        return NULL;
    const char *table = PyBytes_AS_STRING(blob), *place = table + 8 * count;
    for (Py_ssize_t index = 0; index < count; index++, table += 8) {
        Part key = next_part(&place, length_at(table));
        Part value = next_part(&place, length_at(table + 4));
        if (first + index < from)
            continue;
        if (!add(records, new_record(first + index, from_part(key), from_part(value)))) {
            Py_DECREF(records);
            return NULL;
        }
    }
    return records;
}

PyDoc_STRVAR(numbered_doc,
"numbered(entries, start, first_offset)\n--\n\n"
"See services.log.blocks.numbered; None for entries that are not plain.");

static PyObject *
numbered(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *entries;
    Py_ssize_t start;
    long long first;
    if (!PyArg_ParseTuple(arguments, "OnL", &entries, &start, &first))
        return NULL;
    if (start < 0 || first < 0 || first > INT64_MAX / 2 || !is_series(entries))
        return Py_NewRef(Py_None);
    PyObject *records = PyList_New(0);
    if (records == NULL)
        return NULL;
    for (Py_ssize_t index = start; index < PySequence_Fast_GET_SIZE(entries); index++) {
        PyObject *entry = PySequence_Fast_GET_ITEM(entries, index);
        Part key, value;
        if (!as_entry(entry, &key, &value)) {
            Py_DECREF(records);
            return Py_NewRef(Py_None);
        }
        if (!add(records, new_record(first + index - start, Py_NewRef(PyTuple_GET_ITEM(entry, 0)),
                                     Py_NewRef(PyTuple_GET_ITEM(entry, 1))))) {
            Py_DECREF(records);
            return NULL;
        }
    }
    return records;
}

#endif
