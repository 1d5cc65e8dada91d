/* services._codec: shortcuts of services/codec.py for records as it writes them itself. For every
 * other they answer None, so that what a record means is said in one place, in Python.
 * tests/differential/test_codec.py holds the two against each other.
 */
#include "module.h"
#include "record.h"

static PyTypeObject *waypoint_type;
static PyObject *quality_names[QUALITY_COUNT];

#define WAYPOINT_SIZE 5
#define NEEDED (BIT(TERMINAL) | BIT(TIME_US) | BIT(FIX))
#define OF_ENRICHED (BIT(ZONES) | BIT(LATE) | BIT(SOURCE))

/* A new reference; NULL without an exception for a record that is not plain. */
static PyObject *
plain_waypoint(PyObject *value)
{
    FixRecord record;
    if (!take_record(value, BIT(LAT) | BIT(LON), NEEDED, &record) || record.seen & OF_ENRICHED ||
        (record.known & BIT(LAT) && !(record.known & BIT(LON))))
        return NULL;
    PyObject *waypoint = new_tuple(waypoint_type, WAYPOINT_SIZE);
    if (waypoint == NULL)
        return NULL;
    PyTuple_SET_ITEM(waypoint, 0, text_object(record.terminal));
    PyTuple_SET_ITEM(waypoint, 1, PyLong_FromLongLong(record.time_us));
    PyTuple_SET_ITEM(waypoint, 2, measure_object(&record, LAT));
    PyTuple_SET_ITEM(waypoint, 3, measure_object(&record, LON));
    PyTuple_SET_ITEM(waypoint, 4, Py_NewRef(quality_names[record.quality]));
    for (int place = 0; place < WAYPOINT_SIZE; place++) {
        if (PyTuple_GET_ITEM(waypoint, place) == NULL) {
            Py_DECREF(waypoint);
            return NULL;
        }
    }
    /* Numbers and texts are in no cycle: the collector need not look at them. */
    PyObject_GC_UnTrack(waypoint);
    return waypoint;
}

static int
append_index(PyObject *list, Py_ssize_t index)
{
    PyObject *number = PyLong_FromSsize_t(index);
    int failed = number == NULL || PyList_Append(list, number);
    Py_XDECREF(number);
    return failed ? -1 : 0;
}

PyDoc_STRVAR(read_waypoints_doc,
"read_waypoints(values)\n--\n\n"
"The Waypoints of a list of records of telematics.fix.v1, with None for those that are not as\n"
"ingest writes them, and a list of the indices of those.");

static PyObject *
read_waypoints(PyObject *Py_UNUSED(module), PyObject *values)
{
    if (waypoint_type == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "setup() comes first");
        return NULL;
    }
    if (!PyList_Check(values)) {
        PyErr_SetString(PyExc_TypeError, "read_waypoints(list)");
        return NULL;
    }
    Py_ssize_t count = PyList_GET_SIZE(values);
    PyObject *waypoints = PyList_New(count), *odd = PyList_New(0);
    if (waypoints == NULL || odd == NULL)
        goto failed;
    for (Py_ssize_t index = 0; index < count; index++) {
        PyObject *waypoint = plain_waypoint(PyList_GET_ITEM(values, index));
        if (waypoint == NULL) {
            if (PyErr_Occurred() || append_index(odd, index))
                goto failed;
            waypoint = Py_NewRef(Py_None);
        }
        PyList_SET_ITEM(waypoints, index, waypoint);
    }
    return Py_BuildValue("(NN)", waypoints, odd);
failed:
    Py_XDECREF(waypoints);
    Py_XDECREF(odd);
    return NULL;
}

PyDoc_STRVAR(setup_doc,
"setup(Waypoint, qualities)\n--\n\n"
"Once, before anything else. Raises ImportError if they are not those known here.");

static PyObject *
setup(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *type, *qualities;
    if (!PyArg_ParseTuple(arguments, "O!O!", &PyType_Type, &type, &PyTuple_Type, &qualities))
        return NULL;
    if (PyTuple_GET_SIZE(qualities) != QUALITY_COUNT) {
        PyErr_SetString(PyExc_ImportError, "built for other qualities");
        return NULL;
    }
    for (int each = 0; each < QUALITY_COUNT; each++) {
        PyObject *name = PyTuple_GET_ITEM(qualities, each);
        if (!PyUnicode_Check(name) ||
            PyUnicode_CompareWithASCIIString(name, QUALITIES[each]) != 0) {
            PyErr_SetString(PyExc_ImportError, "built for other qualities");
            return NULL;
        }
        Py_XSETREF(quality_names[each], Py_NewRef(name));
    }
    if (!PyType_IsSubtype((PyTypeObject *)type, &PyTuple_Type)) {
        PyErr_SetString(PyExc_ImportError, "Waypoint is no tuple");
        return NULL;
    }
    Py_XSETREF(waypoint_type, (PyTypeObject *)Py_NewRef(type));
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"setup", setup, METH_VARARGS, setup_doc},
    {"read_waypoints", read_waypoints, METH_O, read_waypoints_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "services._codec",
    .m_doc = "Shortcuts of services.codec, compiled.",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit__codec(void)
{
    return new_module(&definition);
}
