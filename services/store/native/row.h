/* An enriched fix as a row of positions: a tuple, as Python code makes it of the same record. */
#ifndef DIPPER_ROW_H
#define DIPPER_ROW_H

#include "enriched.h"

#define POSTGRES_EPOCH_US 946684800000000LL

/* The columns of positions, in their order. */
enum {
    COLUMN_TIME, COLUMN_LAT, COLUMN_LON, COLUMN_TERMINAL_ID, COLUMN_ALTITUDE_M, COLUMN_SPEED_KMH,
    COLUMN_COURSE_DEG, COLUMN_HEADING_DEG, COLUMN_HDOP, COLUMN_FIX, COLUMN_SATELLITES_USED,
    COLUMN_USED_BY, COLUMN_IN_VIEW_BY = COLUMN_USED_BY + CONSTELLATION_COUNT,
    COLUMN_LATE = COLUMN_IN_VIEW_BY + CONSTELLATION_COUNT, COLUMN_ZONES, COLUMNS
};

/* Columns that take a measure as it is. */
static const struct {
    int column, field;
} TAKEN[] = {
    {COLUMN_LAT, LAT}, {COLUMN_LON, LON}, {COLUMN_ALTITUDE_M, ALTITUDE_M},
    {COLUMN_SPEED_KMH, SPEED_KMH}, {COLUMN_COURSE_DEG, COURSE_DEG},
    {COLUMN_HEADING_DEG, HEADING_DEG}, {COLUMN_HDOP, HDOP},
    {COLUMN_SATELLITES_USED, SATELLITES_USED},
};
#define TAKEN_COUNT (sizeof TAKEN / sizeof *TAKEN)

/* (microseconds,): as asyncpg takes a timestamptz in its tuple format. */
static PyObject *
stamp(long long time_us)
{
    return Py_BuildValue("(L)", time_us - POSTGRES_EPOCH_US);
}

static PyObject *
zones_object(const FixRecord *record)
{
    if (record->zone_count == 0)
        return Py_NewRef(Py_None);
    PyObject *list = PyList_New(record->zone_count);
    Scan zones = record->zones;
    for (Py_ssize_t each = 0; list != NULL && each < record->zone_count; each++) {
        PyObject *zone = text_object(next_zone(&zones));
        if (zone == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, each, zone);
    }
    return list;
}

static PyObject *
count_object(const Counts *counts, int each)
{
    return counts->known & BIT(each) ? PyLong_FromLongLong(counts->count[each])
                                     : Py_NewRef(Py_None);
}

/* terminal_id is a borrowed reference; NULL for a terminal that has no id yet. */
static PyObject *
as_row(const FixRecord *record, PyObject *terminal_id)
{
    PyObject *row = PyTuple_New(COLUMNS);
    if (row == NULL)
        return NULL;
    PyTuple_SET_ITEM(row, COLUMN_TIME, stamp(record->time_us));
    PyTuple_SET_ITEM(row, COLUMN_FIX, PyLong_FromLong(record->quality));
    PyTuple_SET_ITEM(row, COLUMN_TERMINAL_ID, Py_NewRef(terminal_id ? terminal_id : Py_None));
    PyTuple_SET_ITEM(row, COLUMN_LATE, Py_NewRef(record->late ? Py_True : Py_False));
    PyTuple_SET_ITEM(row, COLUMN_ZONES, zones_object(record));
    for (size_t each = 0; each < TAKEN_COUNT; each++)
        PyTuple_SET_ITEM(row, TAKEN[each].column, measure_object(record, TAKEN[each].field));
    for (int each = 0; each < CONSTELLATION_COUNT; each++) {
        PyTuple_SET_ITEM(row, COLUMN_USED_BY + each, count_object(&record->used_by, each));
        PyTuple_SET_ITEM(row, COLUMN_IN_VIEW_BY + each, count_object(&record->in_view_by, each));
    }
    for (int column = 0; column < COLUMNS; column++) {
        if (PyTuple_GET_ITEM(row, column) == NULL) {
            Py_DECREF(row);
            return NULL;
        }
    }
    return row;
}

#endif
