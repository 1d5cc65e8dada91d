/* Entries to a record batch for a broker, byte for byte as aiokafka's builder writes it. */
#ifndef DIPPER_PACK_BATCHES_H
#define DIPPER_PACK_BATCHES_H

#include "batch_format.h"
#include "entries.h"
#include "hashes.h"

/* Of a record without its own length; timestamps are all that of the batch. */
static Py_ssize_t body_size(long long delta, Part key, Part value)
{
    return 1 + 1 + varint_size(delta) + varint_size(key.length) + bytes_of(key) +
           varint_size(value.length) + bytes_of(value) + 1;
}

static char *put_part(char *place, Part part)
{
    place = put_varint(place, part.length);
    if (part.length > 0)
        memcpy(place, part.start, (size_t)part.length);
    return place + bytes_of(part);
}

static char *put_record(char *place, long long delta, Part key, Part value)
{
    place = put_varint(place, body_size(delta, key, value));
    *place++ = 0; /* attributes */
    *place++ = 0; /* timestamp, after the first */
    place = put_varint(place, delta);
    place = put_part(put_part(place, key), value);
    *place++ = 0; /* headers */
    return place;
}

/* How many entries from `start` on go into a batch of at most `limit` bytes, the first in any case;
 * *size is that of the batch. -1 if one is not plain. */
static Py_ssize_t fitting(PyObject *entries, Py_ssize_t start, Py_ssize_t limit, Py_ssize_t *size)
{
    Py_ssize_t count = 0;
    *size = HEAD_SIZE;
    for (; start + count < PySequence_Fast_GET_SIZE(entries); count++) {
        Part key, value;
        if (!as_entry(PySequence_Fast_GET_ITEM(entries, start + count), &key, &value) ||
            key.length > INT32_MAX / 4 || value.length > INT32_MAX / 4)
            return -1;
        Py_ssize_t body = body_size(count, key, value);
        Py_ssize_t whole = body + varint_size(body);
        /* As aiokafka does it, which leaves the last byte free. */
        if (count > 0 && *size + whole >= limit)
            break;
        *size += whole;
    }
    return count;
}

static void put_head(char *head, Py_ssize_t size, Py_ssize_t count, long long timestamp_ms)
{
    memset(head, 0, HEAD_SIZE);
    put_number(head + AT_LENGTH, 4, size - AFTER_LENGTH);
    put_number(head + AT_LEADER_EPOCH, 4, -1);
    head[AT_MAGIC] = MAGIC;
    put_number(head + AT_LAST_OFFSET_DELTA, 4, count - 1);
    put_number(head + AT_FIRST_TIMESTAMP, 8, timestamp_ms);
    put_number(head + AT_MAX_TIMESTAMP, 8, timestamp_ms);
    put_number(head + AT_COUNT, 4, count);
}

PyDoc_STRVAR(pack_batch_doc,
"pack_batch(entries, start, timestamp_ms, limit)\n--\n\n"
"The entries from start on that fit into a batch of at most so many bytes, one at least: (bytearray,\n"
"how many). It lacks what seal_batch() sets. None for entries that are not plain.");

static PyObject *
pack_batch(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *entries;
    Py_ssize_t start, limit, size;
    long long timestamp_ms;
    if (!PyArg_ParseTuple(arguments, "OnLn", &entries, &start, &timestamp_ms, &limit))
        return NULL;
    if (!is_series(entries) || start < 0 || start >= PySequence_Fast_GET_SIZE(entries))
        return Py_NewRef(Py_None);
    Py_ssize_t count = fitting(entries, start, limit, &size);
    if (count < 0)
        return Py_NewRef(Py_None);
    PyObject *batch = PyByteArray_FromStringAndSize(NULL, size);
    if (batch == NULL)
        return NULL;
    put_head(PyByteArray_AS_STRING(batch), size, count, timestamp_ms);
    char *place = PyByteArray_AS_STRING(batch) + HEAD_SIZE;
    for (Py_ssize_t index = 0; index < count; index++) {
        Part key, value;
        as_entry(PySequence_Fast_GET_ITEM(entries, start + index), &key, &value);
        place = put_record(place, index, key, value);
    }
    return Py_BuildValue("(Nn)", batch, count);
}

PyDoc_STRVAR(seal_batch_doc,
"seal_batch(batch, producer_id, producer_epoch, base_sequence)\n--\n\n"
"Set these numbers of an idempotent producer in a batch of pack_batch(), and its checksum.");

static PyObject *
seal_batch(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *batch;
    long long id;
    int epoch, sequence;
    if (!PyArg_ParseTuple(arguments, "YLii", &batch, &id, &epoch, &sequence))
        return NULL;
    Py_ssize_t size = PyByteArray_GET_SIZE(batch);
    if (size < HEAD_SIZE || epoch < INT16_MIN || epoch > INT16_MAX) {
        PyErr_SetString(PyExc_ValueError, "a batch, and an epoch of 16 bits, are needed");
        return NULL;
    }
    char *head = PyByteArray_AS_STRING(batch);
    put_number(head + AT_PRODUCER_ID, 8, id);
    put_number(head + AT_PRODUCER_EPOCH, 2, epoch);
    put_number(head + AT_BASE_SEQUENCE, 4, sequence);
    put_number(head + AT_CRC, 4, crc32c(head + AT_ATTRIBUTES, (size_t)(size - AT_ATTRIBUTES)));
    Py_RETURN_NONE;
}

#endif
