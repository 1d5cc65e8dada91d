/* Record batches as a broker sends them, to Records: those of format 2 that are neither compressed nor
 * part of a transaction, with records without headers. Every other batch is left to aiokafka.
 */
#ifndef DIPPER_READ_BATCHES_H
#define DIPPER_READ_BATCHES_H

#include "batch_format.h"
#include "entries.h"
#include "hashes.h"

typedef struct {
    const char *at, *end; /* its records */
    long long base_offset, last_offset, count;
} Batch;

/* The batch at the start of so many bytes, which hold all of it; false if it is not plain. */
static bool open_batch(const char *start, Py_ssize_t size, Batch *batch)
{
    if (size < HEAD_SIZE || start[AT_MAGIC] != MAGIC ||
        (number_at(start + AT_ATTRIBUTES, 2) & ~LOG_APPEND_TIME) != 0)
        return false;
    long long base = number_at(start + AT_BASE_OFFSET, 8);
    long long delta = number_at(start + AT_LAST_OFFSET_DELTA, 4);
    *batch = (Batch){start + HEAD_SIZE, start + size, base, base + delta,
                     number_at(start + AT_COUNT, 4)};
    return base >= 0 && base <= INT64_MAX / 2 && delta >= 0 && batch->count >= 0 &&
           crc32c(start + AT_ATTRIBUTES, (size_t)(size - AT_ATTRIBUTES)) ==
               (uint32_t)number_at(start + AT_CRC, 4);
}

static bool take_part(const char **at, const char *end, Part *part)
{
    int64_t length;
    if (!take_varint(at, end, &length) || length < -1 || length > end - *at)
        return false;
    *part = (Part){*at, (Py_ssize_t)length};
    *at += bytes_of(*part);
    return true;
}

/* Length, attributes, timestamp, offset, key, value, number of headers. */
static bool take_record(Batch *batch, long long *offset, Part *key, Part *value)
{
    int64_t length, timestamp, delta, headers;
    if (!take_varint(&batch->at, batch->end, &length) || length < 1 ||
        length > batch->end - batch->at)
        return false;
    const char *end = batch->at + length;
    if (*batch->at++ != 0 || !take_varint(&batch->at, end, &timestamp) ||
        !take_varint(&batch->at, end, &delta) || delta < 0 ||
        delta > batch->last_offset - batch->base_offset || !take_part(&batch->at, end, key) ||
        !take_part(&batch->at, end, value) || !take_varint(&batch->at, end, &headers))
        return false;
    *offset = batch->base_offset + delta;
    return headers == 0 && batch->at == end;
}

/* Append a batch's records from *wanted on to a list that takes `most` in all, and set *wanted to
 * what follows. 1: the batch is read to its end; 0: the list is full; -1: the batch is not plain, or
 * an exception is set. */
static int read_batch(Batch *batch, long long *wanted, Py_ssize_t most, PyObject *records)
{
    if (batch->last_offset < *wanted)
        return -1;
    long long least = batch->base_offset;
    for (long long number = 0; number < batch->count; number++) {
        long long offset;
        Part key, value;
        if (!take_record(batch, &offset, &key, &value) || offset < least)
            return -1;
        least = offset + 1;
        if (offset < *wanted)
            continue;
        if (PyList_GET_SIZE(records) == most)
            return 0;
        if (!add(records, new_record(offset, from_part(key), from_part(value))))
            return -1;
        *wanted = offset + 1;
    }
    if (batch->at != batch->end)
        return -1;
    *wanted = batch->last_offset + 1;
    return 1;
}

/* Read batches from *at on, as far as they are plain; false after an error. */
static bool read_plain(PyObject *fetched, Py_ssize_t *at, long long *wanted, Py_ssize_t most,
                       PyObject *records)
{
    const char *start = PyBytes_AS_STRING(fetched);
    Py_ssize_t size = PyBytes_GET_SIZE(fetched);
    while (*at < size && PyList_GET_SIZE(records) < most) {
        Py_ssize_t rest = size - *at, before = PyList_GET_SIZE(records);
        long long length = rest < AFTER_LENGTH ? 0 : number_at(start + *at + AT_LENGTH, 4);
        if (rest < AFTER_LENGTH || length > rest - AFTER_LENGTH) {
            /* The broker cuts the last one off where the answer is full. */
            *at = size;
            return true;
        }
        Batch batch;
        long long next = *wanted;
        int read = length >= 0 && open_batch(start + *at, AFTER_LENGTH + (Py_ssize_t)length, &batch)
                       ? read_batch(&batch, &next, most, records)
                       : -1;
        if (PyErr_Occurred())
            return false;
        if (read < 0)
            return PyList_SetSlice(records, before, PyList_GET_SIZE(records), NULL) == 0;
        *wanted = next;
        if (read == 0)
            return true;
        *at += AFTER_LENGTH + (Py_ssize_t)length;
    }
    return true;
}

PyDoc_STRVAR(read_batches_doc,
"read_batches(fetched, at, wanted, most)\n--\n\n"
"At most so many Records with offsets from wanted on of the record batches that begin at a place in\n"
"a broker's answer: (records, place to go on, offset to go on with). The place is len(fetched) when\n"
"nothing is left. None if the first batch is not plain.");

static PyObject *
read_batches(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *fetched;
    Py_ssize_t at, most;
    long long wanted;
    if (!PyArg_ParseTuple(arguments, "OnLn", &fetched, &at, &wanted, &most))
        return NULL;
    if (!PyBytes_CheckExact(fetched) || at < 0 || at > PyBytes_GET_SIZE(fetched) || most < 1)
        return Py_NewRef(Py_None);
    Py_ssize_t start = at;
    PyObject *records = PyList_New(0);
    if (records == NULL || !read_plain(fetched, &at, &wanted, most, records)) {
        Py_XDECREF(records);
        return NULL;
    }
    if (at == start && PyList_GET_SIZE(records) == 0 && at < PyBytes_GET_SIZE(fetched)) {
        Py_DECREF(records);
        return Py_NewRef(Py_None);
    }
    return Py_BuildValue("(NnL)", records, at, wanted);
}

#endif
