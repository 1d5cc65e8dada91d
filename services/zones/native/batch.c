/* services.zones._batch: shortcuts of services/zones for whole batches of fixes. What a zone or a
 * transition is, Python says: candidates() finds the boxes that hold a position, for the exact
 * tests; fold_quiet() does the fixes of which nothing is to be told and leaves each other
 * to fold(). tests/differential/test_zones.py holds them against Python.
 */
#include "../../native/module.h"
#include "grid.h"

static PyTypeObject *waypoint_type, *state_type, *enriched_type;
static PyObject *quiet, *nothing;

/* Of Waypoint, TerminalZones and Enriched. */
enum { TERMINAL, TIME_US, LAT, LON, QUALITY, WAYPOINT_SIZE };
enum { LAST_TIME_US, INSIDE, STATE_SIZE };
enum { ENRICHED_SIZE = 3 };

/* ---- Columns ------------------------------------------------------------------------------- */

static bool
has_position(PyObject *fix)
{
    PyObject *quality = PyTuple_GET_ITEM(fix, QUALITY);
    return PyTuple_GET_ITEM(fix, LAT) != Py_None && PyTuple_GET_ITEM(fix, LON) != Py_None &&
           !(PyUnicode_Check(quality) && PyUnicode_CompareWithASCIIString(quality, "none") == 0);
}

PyDoc_STRVAR(columns_doc,
"columns(fixes)\n--\n\n"
"(latitudes, longitudes, times) of a list of Waypoints, None for positions that are not known;\n"
"None if any of them is no Waypoint.");

static PyObject *
columns(PyObject *Py_UNUSED(module), PyObject *fixes)
{
    if (!PyList_Check(fixes))
        Py_RETURN_NONE;
    Py_ssize_t count = PyList_GET_SIZE(fixes);
    for (Py_ssize_t index = 0; index < count; index++)
        if (!Py_IS_TYPE(PyList_GET_ITEM(fixes, index), waypoint_type))
            Py_RETURN_NONE;
    PyObject *lats = PyList_New(count), *lons = PyList_New(count), *times = PyList_New(count);
    if (lats == NULL || lons == NULL || times == NULL) {
        Py_XDECREF(lats);
        Py_XDECREF(lons);
        Py_XDECREF(times);
        return NULL;
    }
    for (Py_ssize_t index = 0; index < count; index++) {
        PyObject *fix = PyList_GET_ITEM(fixes, index);
        bool placed = has_position(fix);
        PyList_SET_ITEM(lats, index, Py_NewRef(placed ? PyTuple_GET_ITEM(fix, LAT) : Py_None));
        PyList_SET_ITEM(lons, index, Py_NewRef(placed ? PyTuple_GET_ITEM(fix, LON) : Py_None));
        PyList_SET_ITEM(times, index, Py_NewRef(PyTuple_GET_ITEM(fix, TIME_US)));
    }
    return Py_BuildValue("(NNN)", lats, lons, times);
}

/* ---- The fold ------------------------------------------------------------------------------ */

/* Whether the first is greater; false also for what is no int of 64 bits. */
static bool
is_later(PyObject *time, PyObject *other)
{
    int overflows, other_overflows;
    if (!PyLong_CheckExact(time) || !PyLong_CheckExact(other))
        return false;
    long long time_us = PyLong_AsLongLongAndOverflow(time, &overflows);
    long long other_us = PyLong_AsLongLongAndOverflow(other, &other_overflows);
    return !overflows && !other_overflows && time_us > other_us;
}

/* Whether inside holds these zones, in the versions in force, and no other: 1 or 0; -1 with an
 * exception. Only texts are compared, so no Python code runs. */
static int
stays_inside(PyObject *inside, PyObject *zones, PyObject *versions)
{
    if (PyDict_GET_SIZE(inside) != PyTuple_GET_SIZE(zones))
        return 0;
    for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(zones); index++) {
        PyObject *zone = PyTuple_GET_ITEM(zones, index);
        if (!PyUnicode_CheckExact(zone))
            return 0;
        PyObject *was = PyDict_GetItemWithError(inside, zone);
        PyObject *is = was == NULL ? NULL : PyDict_GetItemWithError(versions, zone);
        if (is == NULL)
            return PyErr_Occurred() ? -1 : 0;
        if (!PyUnicode_CheckExact(was) || !PyUnicode_CheckExact(is))
            return 0;
        int differs = PyUnicode_Compare(was, is);
        if (differs)
            return PyErr_Occurred() ? -1 : 0;
    }
    return 1;
}

/* What is told of a fix of whose terminal nothing changes but the time; states moves on. NULL
 * without an exception if the fix is not of that kind. */
static PyObject *
pass_quietly(PyObject *fix, PyObject *zones, PyObject *states, PyObject *versions)
{
    if (!Py_IS_TYPE(fix, waypoint_type) || !PyTuple_CheckExact(zones) ||
        !PyUnicode_CheckExact(PyTuple_GET_ITEM(fix, TERMINAL)))
        return NULL;
    PyObject *terminal = PyTuple_GET_ITEM(fix, TERMINAL);
    PyObject *state = PyDict_GetItemWithError(states, terminal);
    if (state == NULL || !Py_IS_TYPE(state, state_type))
        return NULL;
    PyObject *time_us = PyTuple_GET_ITEM(fix, TIME_US), *inside = PyTuple_GET_ITEM(state, INSIDE);
    if (!PyDict_CheckExact(inside) || !is_later(time_us, PyTuple_GET_ITEM(state, LAST_TIME_US)) ||
        stays_inside(inside, zones, versions) != 1)
        return NULL;
    PyObject *moved = new_tuple(state_type, STATE_SIZE);
    if (moved == NULL)
        return NULL;
    PyTuple_SET_ITEM(moved, LAST_TIME_US, Py_NewRef(time_us));
    PyTuple_SET_ITEM(moved, INSIDE, Py_NewRef(inside));
    int failed = PyDict_SetItem(states, terminal, moved);
    Py_DECREF(moved);
    if (failed)
        return NULL;
    if (PyTuple_GET_SIZE(zones) == 0)
        return Py_NewRef(quiet);
    PyObject *enriched = new_tuple(enriched_type, ENRICHED_SIZE);
    if (enriched == NULL)
        return NULL;
    PyTuple_SET_ITEM(enriched, 0, Py_NewRef(zones));
    PyTuple_SET_ITEM(enriched, 1, Py_NewRef(Py_False));
    PyTuple_SET_ITEM(enriched, 2, Py_NewRef(nothing));
    return enriched;
}

PyDoc_STRVAR(fold_quiet_doc,
"fold_quiet(fixes, zones, states, versions, step)\n--\n\n"
"An Enriched for each fix and its zones, in order; states moves on. Fixes with which a terminal\n"
"stays where it was are done here, for each other step(fix, zones) is called.");

static PyObject *
fold_quiet(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *fixes, *zones, *states, *versions, *step;
    if (!PyArg_ParseTuple(arguments, "O!O!O!O!O", &PyList_Type, &fixes, &PyList_Type, &zones,
                          &PyDict_Type, &states, &PyDict_Type, &versions, &step))
        return NULL;
    if (waypoint_type == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "setup() comes first");
        return NULL;
    }
    PyObject *results = PyList_New(0);
    for (Py_ssize_t index = 0; results != NULL && index < PyList_GET_SIZE(fixes); index++) {
        if (index >= PyList_GET_SIZE(zones)) {
            PyErr_SetString(PyExc_ValueError, "fewer zones than fixes");
            Py_CLEAR(results);
            break;
        }
        /* step() is Python code, which may change the lists. */
        PyObject *fix = Py_NewRef(PyList_GET_ITEM(fixes, index));
        PyObject *ids = Py_NewRef(PyList_GET_ITEM(zones, index));
        PyObject *result = pass_quietly(fix, ids, states, versions);
        if (result == NULL && !PyErr_Occurred())
            result = PyObject_CallFunctionObjArgs(step, fix, ids, NULL);
        if (result == NULL || PyList_Append(results, result))
            Py_CLEAR(results);
        Py_XDECREF(result);
        Py_DECREF(fix);
        Py_DECREF(ids);
    }
    return results;
}

/* ---- The module ---------------------------------------------------------------------------- */

PyDoc_STRVAR(setup_doc,
"setup(Waypoint, TerminalZones, Enriched, quiet)\n--\n\n"
"Once, before anything else; quiet is what is told of a fix in no zone.");

static PyObject *
setup(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *types[3], *result;
    if (!PyArg_ParseTuple(arguments, "O!O!O!O", &PyType_Type, &types[0], &PyType_Type, &types[1],
                          &PyType_Type, &types[2], &result))
        return NULL;
    for (int each = 0; each < 3; each++)
        if (!is_tuple_type(types[each])) {
            PyErr_Format(PyExc_ImportError, "%R is no tuple", types[each]);
            return NULL;
        }
    Py_XSETREF(waypoint_type, (PyTypeObject *)Py_NewRef(types[0]));
    Py_XSETREF(state_type, (PyTypeObject *)Py_NewRef(types[1]));
    Py_XSETREF(enriched_type, (PyTypeObject *)Py_NewRef(types[2]));
    Py_XSETREF(quiet, Py_NewRef(result));
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"setup", setup, METH_VARARGS, setup_doc},
    {"columns", columns, METH_O, columns_doc},
    {"candidates", candidates, METH_VARARGS, candidates_doc},
    {"fold_quiet", fold_quiet, METH_VARARGS, fold_quiet_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "services.zones._batch",
    .m_doc = "Shortcuts of services.zones for whole batches, compiled.",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit__batch(void)
{
    if (nothing == NULL && (nothing = PyTuple_New(0)) == NULL)
        return NULL;
    return new_module(&definition);
}
