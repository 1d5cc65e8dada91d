/* The rows of several batches in the order in which one statement takes them: see newest_last() of
 * positions.py.
 */
#ifndef DIPPER_ORDER_H
#define DIPPER_ORDER_H

#include "batch.h"

typedef struct {
    const PackedRow *row;
    const char *packed;
    Py_ssize_t place;    /* among all rows, as they came */
    int32_t terminal_id; /* the row's, at hand: most comparisons need no more */
    bool newest;
} Placed;

/* By terminal; of one terminal first what latest_rows() of positions.py takes. */
static int
by_terminal(const void *left, const void *right)
{
    const Placed *a = left, *b = right;
    if (a->terminal_id != b->terminal_id)
        return a->terminal_id < b->terminal_id ? -1 : 1;
    if (a->row->has_position != b->row->has_position)
        return a->row->has_position ? -1 : 1;
    if (a->row->time_us != b->row->time_us)
        return a->row->time_us > b->row->time_us ? -1 : 1;
    if (a->row->said != b->row->said)
        return a->row->said > b->row->said ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

static Py_ssize_t
append_row(Rows *rows, const Placed *placed)
{
    char *at = extend(&rows->packed, placed->row->size);
    if (at == NULL)
        return -1;
    memcpy(at, placed->packed, placed->row->size);
    PackedRow row = *placed->row;
    row.start = rows->packed.used - row.size;
    Py_INCREF(row.value);
    rows->row[rows->count++] = row;
    return rows->count;
}

/* All but the terminals' newest as they came, then these in the order of terminals. Returns how many
 * the former are, or -1. `sorted` is scratch space. */
static Py_ssize_t
append_ordered(Rows *rows, Placed *all, Placed *sorted, Py_ssize_t count)
{
    memcpy(sorted, all, (size_t)count * sizeof *all);
    qsort(sorted, (size_t)count, sizeof *sorted, by_terminal);
    for (Py_ssize_t each = 0; each < count; each++) {
        bool first = each == 0 || sorted[each - 1].terminal_id != sorted[each].terminal_id;
        if (first && sorted[each].row->has_position)
            all[sorted[each].place].newest = true;
    }
    for (Py_ssize_t each = 0; each < count; each++)
        if (!all[each].newest && append_row(rows, &all[each]) < 0)
            return -1;
    Py_ssize_t others = rows->count;
    for (Py_ssize_t each = 0; each < count; each++)
        if (all[sorted[each].place].newest && append_row(rows, &sorted[each]) < 0)
            return -1;
    return others;
}

/* Of a list of Rows, `count` in all and `bytes` when packed, whose terminals all have ids. */
static PyObject *
order_rows(PyObject *parts, Py_ssize_t count, size_t bytes)
{
    Rows *rows = new_rows(count, bytes);
    Placed *all = PyMem_New(Placed, 2 * (size_t)count + 1);
    PyObject *result = NULL;
    Py_ssize_t place = 0;
    if (rows == NULL || all == NULL) {
        PyErr_NoMemory();
        goto out;
    }
    for (Py_ssize_t part = 0; part < PyList_GET_SIZE(parts); part++) {
        const Rows *given = (Rows *)PyList_GET_ITEM(parts, part);
        for (Py_ssize_t each = 0; each < given->count; each++, place++) {
            const PackedRow *row = &given->row[each];
            all[place] = (Placed){row, given->packed.start + row->start, place, row->terminal_id,
                                  false};
        }
    }
    Py_ssize_t others = append_ordered(rows, all, all + count, count);
    if (others >= 0)
        result = Py_BuildValue("On", rows, others);
out:
    Py_XDECREF(rows);
    PyMem_Free(all);
    return result;
}

#endif
