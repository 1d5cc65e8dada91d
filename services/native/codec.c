/* services._codec: shortcuts of services/codec.py for records as it writes them itself. For every
 * other they answer None, so that what a record means is said in one place, in Python.
 * tests/differential/test_codec.py holds the two against each other.
 */
#include "record.h"

static PyTypeObject *waypoint_type;
static PyObject *quality_names[QUALITY_COUNT];

#define WAYPOINT_SIZE 5
#define NEEDED (BIT(TERMINAL) | BIT(TIME_US) | BIT(FIX))
#define OF_ENRICHED (BIT(ZONES) | BIT(LATE) | BIT(SOURCE))

static PyObject *
as_waypoint(const FixRecord *record)
{
    PyObject *time_us = PyLong_FromLongLong(record->time_us);
    PyObject *waypoint =
        time_us == NULL ? NULL : waypoint_type->tp_alloc(waypoint_type, WAYPOINT_SIZE);
    if (waypoint == NULL) {
        Py_XDECREF(time_us);
        return NULL;
    }
#if PY_VERSION_HEX >= 0x030E0000
    /* From 3.14 on tuples remember their hash; -1 is none. */
    ((PyTupleObject *)waypoint)->ob_hash = -1;
#endif
    PyObject *lat = record->value[LAT], *lon = record->value[LON];
    PyTuple_SET_ITEM(waypoint, 0, Py_NewRef(record->value[TERMINAL]));
    PyTuple_SET_ITEM(waypoint, 1, time_us);
    PyTuple_SET_ITEM(waypoint, 2, Py_NewRef(lat == NULL ? Py_None : lat));
    PyTuple_SET_ITEM(waypoint, 3, Py_NewRef(lon == NULL ? Py_None : lon));
    PyTuple_SET_ITEM(waypoint, 4, Py_NewRef(quality_names[record->quality]));
    return waypoint;
}

PyDoc_STRVAR(read_waypoint_doc,
"read_waypoint(value)\n--\n\n"
"The Waypoint of a record of telematics.fix.v1, or None for one that is not as ingest writes it.");

static PyObject *
read_waypoint(PyObject *Py_UNUSED(module), PyObject *value)
{
    if (waypoint_type == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "setup() comes first");
        return NULL;
    }
    FixRecord record = {0};
    PyObject *result = NULL;
    bool whole = take_record(value, BIT(LAT) | BIT(LON), NEEDED, &record) &&
                 !(record.seen & OF_ENRICHED) &&
                 (record.value[LAT] == NULL || record.value[LON] != NULL);
    if (whole)
        result = as_waypoint(&record);
    else if (!PyErr_Occurred())
        result = Py_NewRef(Py_None);
    clear_record(&record);
    return result;
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
    {"read_waypoint", read_waypoint, METH_O, read_waypoint_doc},
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
    const char *pure = getenv("DIPPER_PURE_PYTHON");
    if (pure != NULL && pure[0] != '\0' && strcmp(pure, "0") != 0) {
        PyErr_SetString(PyExc_ImportError, "DIPPER_PURE_PYTHON is set");
        return NULL;
    }
    return PyModule_Create(&definition);
}
