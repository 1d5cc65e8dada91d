/* Which boxes hold a position, by a grid over all of them. The exact tests are in Python and GEOS
 * (services/zones/index.py).
 */
#ifndef DIPPER_ZONES_GRID_H
#define DIPPER_ZONES_GRID_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* ---- The grid ------------------------------------------------------------------------------ */

/* Cells lie row by row from the south-western one. Cell c is touched by the boxes
 * members[starts[c]] to members[starts[c + 1] - 1]. */
typedef struct {
    double west, south, east, north, rows_a_degree, columns_a_degree;
    Py_ssize_t rows, columns;
    Py_buffer starts, members, boxes; /* int32, int32, and four float64 a box */
} Grid;

/* A pair of position and box, as numpy reads it: PAIR of grid.py. */
typedef struct {
    int64_t position, box;
    double lat, lon;
} Pair;

typedef struct {
    Pair *pairs;
    Py_ssize_t used, room;
} Pairs;

static bool
is_whole(const Grid *grid)
{
    /* The products are the largest numbers of a row and a column. */
    return grid->rows >= 1 && grid->columns >= 1 && grid->rows <= 1 << 15 &&
           grid->columns <= 1 << 15 &&
           grid->starts.len == 4 * (grid->rows * grid->columns + 1) &&
           grid->rows_a_degree >= 0 && grid->columns_a_degree >= 0 &&
           (grid->north - grid->south) * grid->rows_a_degree < 1e9 &&
           (grid->east - grid->west) * grid->columns_a_degree < 1e9;
}

static bool
add_pair(Pairs *found, Pair pair)
{
    if (found->used == found->room) {
        Py_ssize_t room = 2 * found->room + 64;
        Pair *moved = PyMem_Realloc(found->pairs, (size_t)room * sizeof *moved);
        if (moved == NULL) {
            PyErr_NoMemory();
            return false;
        }
        found->pairs = moved;
        found->room = room;
    }
    found->pairs[found->used++] = pair;
    return true;
}

static int32_t
number_at(const Py_buffer *numbers, Py_ssize_t index)
{
    int32_t number;
    memcpy(&number, (const char *)numbers->buf + 4 * index, 4);
    return number;
}

/* Index of the position's cell; -1 outside of all, and for NaN. */
static Py_ssize_t
cell_of(const Grid *grid, double lat, double lon)
{
    if (!(lat >= grid->south && lat <= grid->north && lon >= grid->west && lon <= grid->east))
        return -1;
    Py_ssize_t row = (Py_ssize_t)((lat - grid->south) * grid->rows_a_degree);
    Py_ssize_t column = (Py_ssize_t)((lon - grid->west) * grid->columns_a_degree);
    row = row < grid->rows ? row : grid->rows - 1;
    column = column < grid->columns ? column : grid->columns - 1;
    return row * grid->columns + column;
}

static bool
add_boxes_of(const Grid *grid, int64_t position, double lat, double lon, Pairs *found)
{
    Py_ssize_t cell = cell_of(grid, lat, lon);
    if (cell < 0)
        return true;
    Py_ssize_t start = number_at(&grid->starts, cell), end = number_at(&grid->starts, cell + 1);
    Py_ssize_t members = grid->members.len / 4, boxes = grid->boxes.len / 32;
    for (Py_ssize_t each = start < 0 ? 0 : start; each < end && each < members; each++) {
        int32_t number = number_at(&grid->members, each);
        if (number < 0 || number >= boxes)
            continue;
        double box[4];
        memcpy(box, (const char *)grid->boxes.buf + 32 * number, 32);
        if (lon >= box[0] && lat >= box[1] && lon <= box[2] && lat <= box[3] &&
            !add_pair(found, (Pair){position, number, lat, lon}))
            return false;
    }
    return true;
}

/* NaN for None, as numpy has it. False with an exception if it is no number. */
static bool
take_degrees(PyObject *list, Py_ssize_t index, double *degrees)
{
    /* A number's __float__ may be Python code, which could empty the list. */
    if (index >= PyList_GET_SIZE(list)) {
        PyErr_SetString(PyExc_ValueError, "a list has changed");
        return false;
    }
    PyObject *value = Py_NewRef(PyList_GET_ITEM(list, index));
    *degrees = value == Py_None ? Py_NAN : PyFloat_AsDouble(value);
    Py_DECREF(value);
    return !(*degrees == -1.0 && PyErr_Occurred());
}

static PyObject *
find_candidates(const Grid *grid, PyObject *lats, PyObject *lons)
{
    Pairs found = {NULL, 0, 0};
    PyObject *result = NULL;
    for (Py_ssize_t index = 0; index < PyList_GET_SIZE(lats); index++) {
        double lat, lon;
        if (!take_degrees(lats, index, &lat) || !take_degrees(lons, index, &lon) ||
            !add_boxes_of(grid, index, lat, lon, &found))
            goto out;
    }
    result = PyBytes_FromStringAndSize((const char *)found.pairs,
                                       found.used * (Py_ssize_t)sizeof(Pair));
out:
    PyMem_Free(found.pairs);
    return result;
}

PyDoc_STRVAR(candidates_doc,
"candidates(lats, lons, cells)\n--\n\n"
"The pairs of a position and a box that holds it, as the bytes of an array of PAIR (see grid.py).\n"
"Lists of degrees or None, and Cells. Raises TypeError, ValueError.");

static PyObject *
candidates(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *lats, *lons;
    Grid grid;
    if (!PyArg_ParseTuple(arguments, "O!O!((dddd)nnddy*y*y*)", &PyList_Type, &lats, &PyList_Type,
                          &lons, &grid.west, &grid.south, &grid.east, &grid.north, &grid.rows,
                          &grid.columns, &grid.rows_a_degree, &grid.columns_a_degree,
                          &grid.starts, &grid.members, &grid.boxes))
        return NULL;
    PyObject *result = NULL;
    if (PyList_GET_SIZE(lats) == PyList_GET_SIZE(lons) && is_whole(&grid))
        result = find_candidates(&grid, lats, lons);
    else
        PyErr_SetString(PyExc_ValueError, "lists of one length and a whole grid are needed");
    PyBuffer_Release(&grid.starts);
    PyBuffer_Release(&grid.members);
    PyBuffer_Release(&grid.boxes);
    return result;
}

#endif
