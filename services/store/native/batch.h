/* A batch of enriched fixes as rows that are packed for PostgreSQL already, and what else the store
 * wants to know of it, in one go. As Python's tuples these rows are only made when one asks for them.
 */
#ifndef DIPPER_BATCH_H
#define DIPPER_BATCH_H

#include "pack_record.h"

#define USUAL_BYTES 256 /* of a packed row */

typedef struct {
    PyObject *value; /* the record, from which the row can be read again */
    size_t start, size; /* of the packed row */
    long long time_us;
    int32_t terminal_id;
    int said; /* how many values are not NULL */
    bool has_id, has_position;
} PackedRow;

/* ---- Rows: a sequence of tuples ------------------------------------------------------------ */

typedef struct {
    PyObject_HEAD
    Buffer packed;
    PackedRow *row;
    Py_ssize_t count;
} Rows;

static PyTypeObject rows_type;

/* Room for at most so many rows, and to begin with for so many bytes of them. */
static Rows *
new_rows(Py_ssize_t most, size_t bytes)
{
    Rows *rows = PyObject_New(Rows, &rows_type);
    if (rows == NULL)
        return NULL;
    rows->packed = (Buffer){NULL, 0, 0};
    rows->count = 0;
    rows->row = PyMem_New(PackedRow, most ? most : 1);
    if (rows->row == NULL || extend(&rows->packed, bytes + 1) == NULL) {
        Py_DECREF(rows);
        PyErr_NoMemory();
        return NULL;
    }
    rows->packed.used = 0;
    return rows;
}

static void
rows_dealloc(Rows *self)
{
    for (Py_ssize_t each = 0; each < self->count; each++)
        Py_DECREF(self->row[each].value);
    PyMem_Free(self->row);
    PyMem_Free(self->packed.start);
    PyObject_Free(self);
}

static Py_ssize_t
rows_length(Rows *self)
{
    return self->count;
}

static PyObject *
rows_item(Rows *self, Py_ssize_t index)
{
    if (index < 0 || index >= self->count) {
        PyErr_SetString(PyExc_IndexError, "no such row");
        return NULL;
    }
    const PackedRow *row = &self->row[index];
    FixRecord record;
    if (!take_enriched(row->value, &record)) {
        PyErr_SetString(PyExc_RuntimeError, "a record has changed");
        return NULL;
    }
    PyObject *id = row->has_id ? PyLong_FromLong(row->terminal_id) : Py_NewRef(Py_None);
    PyObject *made = id == NULL ? NULL : as_row(&record, id);
    Py_XDECREF(id);
    return made;
}

static PyObject *
rows_compare(PyObject *self, PyObject *other, int operator)
{
    if (!PyList_Check(other) && !Py_IS_TYPE(other, &rows_type))
        Py_RETURN_NOTIMPLEMENTED;
    PyObject *own = PySequence_List(self), *theirs = PySequence_List(other);
    PyObject *result = own && theirs ? PyObject_RichCompare(own, theirs, operator) : NULL;
    Py_XDECREF(own);
    Py_XDECREF(theirs);
    return result;
}

static PySequenceMethods rows_as_sequence = {
    .sq_length = (lenfunc)rows_length,
    .sq_item = (ssizeargfunc)rows_item,
};

static PyTypeObject rows_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "services.store._rows.Rows",
    .tp_doc = "Rows of positions, packed. As tuples they are made when they are asked for.",
    .tp_basicsize = sizeof(Rows),
    .tp_dealloc = (destructor)rows_dealloc,
    .tp_as_sequence = &rows_as_sequence,
    .tp_richcompare = rows_compare,
    .tp_hash = PyObject_HashNotImplemented,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
};

/* ---- A batch -------------------------------------------------------------------------------- */

typedef struct {
    Rows *rows;
    PyObject *records; /* what the rows were made of: a list of items of the batch */
    PyObject *lines;   /* by run, without the last `pending_lines` of `run` */
    PyObject *unknown; /* names of terminals without an id */
    Text run;
    long long pending_lines, redelivered, next_source, beidou, by_quality[QUALITY_COUNT];
    long long first_time_us, last_time_us, first_received_at_us, last_received_at_us;
} Packing;

/* Neighbours mostly come of the same run: one look-up for all of them. */
static bool
add_pending_lines(Packing *packing)
{
    if (packing->run.start == NULL)
        return true;
    PyObject *run = text_object(packing->run);
    PyObject *before = run == NULL ? NULL : PyDict_GetItemWithError(packing->lines, run);
    PyObject *sum = NULL;
    if (run != NULL && !PyErr_Occurred()) {
        long long counted = before == NULL ? 0 : PyLong_AsLongLong(before);
        sum = PyLong_FromLongLong(counted + packing->pending_lines);
    }
    bool done = sum != NULL && PyDict_SetItem(packing->lines, run, sum) == 0;
    Py_XDECREF(run);
    Py_XDECREF(sum);
    packing->pending_lines = 0;
    return done;
}

static bool
count_lines(Packing *packing, const FixRecord *record)
{
    if (packing->run.start == NULL || packing->run.length != record->run.length ||
        memcmp(packing->run.start, record->run.start, (size_t)record->run.length) != 0) {
        if (!add_pending_lines(packing))
            return false;
        packing->run = record->run;
    }
    packing->pending_lines += record->lines;
    return true;
}

static void
count_fix(Packing *packing, const FixRecord *record)
{
    bool first = packing->rows->count == 0;
    packing->by_quality[record->quality]++;
    packing->beidou += has_beidou(record);
    if (first || record->time_us < packing->first_time_us)
        packing->first_time_us = record->time_us;
    if (first || record->time_us > packing->last_time_us)
        packing->last_time_us = record->time_us;
    if (first || record->received_at_us < packing->first_received_at_us)
        packing->first_received_at_us = record->received_at_us;
    if (first || record->received_at_us > packing->last_received_at_us)
        packing->last_received_at_us = record->received_at_us;
}

/* The id of a terminal in `row`; false for one that the column does not take, or with an exception. */
static bool
find_terminal(Packing *packing, PyObject *ids, const FixRecord *record, PackedRow *row)
{
    PyObject *name = text_object(record->terminal);
    PyObject *id = name == NULL ? NULL : PyDict_GetItemWithError(ids, name);
    bool done = name != NULL && !PyErr_Occurred();
    row->has_id = id != NULL && id != Py_None;
    if (done && row->has_id) {
        int overflow = 0;
        long long number = PyLong_Check(id) ? PyLong_AsLongLongAndOverflow(id, &overflow) : INT64_MAX;
        done = !overflow && number >= INT32_MIN && number <= INT32_MAX;
        row->terminal_id = (int32_t)number;
    } else if (done) {
        row->terminal_id = 0;
        done = PySet_Add(packing->unknown, name) == 0;
    }
    Py_XDECREF(name);
    return done;
}

static int
values_of(const FixRecord *record)
{
    return __builtin_popcount(record->known) + __builtin_popcount(record->used_by.known) +
           __builtin_popcount(record->in_view_by.known) + (record->zone_count > 0);
}

/* False without an exception for one that is not plain. */
static bool
add_record(Packing *packing, PyObject *item, PyObject *ids, long long partition)
{
    if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 3)
        return false;
    FixRecord record;
    Rows *rows = packing->rows;
    PyObject *value = PyTuple_GET_ITEM(item, 2);
    if (!take_enriched(value, &record) || record.partition != partition)
        return false;
    if (record.offset < packing->next_source) {
        packing->redelivered++;
        return true;
    }
    PackedRow row = {
        .value = value,
        .start = rows->packed.used,
        .time_us = record.time_us,
        .said = values_of(&record),
        .has_position = record.known & BIT(LAT),
    };
    if (!find_terminal(packing, ids, &record, &row) || !count_lines(packing, &record) ||
        !put_record(&rows->packed, &record, row.has_id, row.terminal_id) ||
        PyList_Append(packing->records, item) != 0)
        return false;
    count_fix(packing, &record);
    row.size = rows->packed.used - row.start;
    Py_INCREF(value);
    rows->row[rows->count++] = row;
    packing->next_source = record.offset + 1;
    return true;
}

static PyObject *
qualities_of(const Packing *packing)
{
    PyObject *counts = PyTuple_New(QUALITY_COUNT);
    for (int each = 0; counts != NULL && each < QUALITY_COUNT; each++) {
        PyObject *count = PyLong_FromLongLong(packing->by_quality[each]);
        if (count == NULL)
            Py_CLEAR(counts);
        else
            PyTuple_SET_ITEM(counts, each, count);
    }
    return counts;
}

static PyObject *
packed_result(const Packing *packing)
{
    PyObject *qualities = qualities_of(packing);
    if (qualities == NULL)
        return NULL;
    return Py_BuildValue("OOOOLLLN(LLLL)", packing->rows, packing->records, packing->lines,
                         packing->unknown, packing->redelivered, packing->next_source,
                         packing->beidou, qualities, packing->first_time_us, packing->last_time_us,
                         packing->first_received_at_us, packing->last_received_at_us);
}

static PyObject *
pack_records(PyObject *records, PyObject *ids, long long partition, long long next_source)
{
    Py_ssize_t count = PySequence_Fast_GET_SIZE(records);
    Packing packing = {
        .rows = new_rows(count, (size_t)count * USUAL_BYTES),
        .records = PyList_New(0),
        .lines = PyDict_New(),
        .unknown = PySet_New(NULL),
        .next_source = next_source,
    };
    PyObject *result = NULL;
    bool plain = packing.rows != NULL && packing.records != NULL && packing.lines != NULL &&
                 packing.unknown != NULL;
    for (Py_ssize_t index = 0; plain && index < count; index++)
        plain = add_record(&packing, PySequence_Fast_GET_ITEM(records, index), ids, partition);
    if (plain && add_pending_lines(&packing))
        result = packed_result(&packing);
    else if (!PyErr_Occurred())
        result = Py_NewRef(Py_None);
    Py_XDECREF(packing.rows);
    Py_XDECREF(packing.records);
    Py_XDECREF(packing.lines);
    Py_XDECREF(packing.unknown);
    return result;
}

#endif
