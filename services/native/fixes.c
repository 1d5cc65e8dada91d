/* services._fixes: encode_fix of services/codec.py for many fixes in one go. Of a fix that is not
 * plain it says nothing, and Python code writes that one: what a record says is said there alone.
 * tests/differential/test_fixes.py holds the two against each other.
 */
#include "module.h"
#include "writing.h"

/* The fields of services.model.Fix, each with how it is written. In the order of the record: those
 * after RUN stand there only if the fix has them. */
#define FIELDS(FIELD)                                                                            \
    FIELD(0, terminal, put_text)                                                                 \
    FIELD(1, time_us, put_whole)                                                                 \
    FIELD(2, time_of_day_us, put_whole)                                                          \
    FIELD(3, lat, put_real)                                                                      \
    FIELD(4, lon, put_real)                                                                      \
    FIELD(5, altitude_m, put_real)                                                               \
    FIELD(6, geoid_separation_m, put_real)                                                       \
    FIELD(7, speed_kmh, put_real)                                                                \
    FIELD(8, course_deg, put_real)                                                               \
    FIELD(10, fix, put_text)                                                                     \
    FIELD(11, satellites_used, put_whole)                                                        \
    FIELD(14, hdop, put_real)                                                                    \
    FIELD(21, talkers, put_texts)                                                                \
    FIELD(22, lines, put_whole)                                                                  \
    FIELD(23, received_at_us, put_whole)                                                         \
    FIELD(24, run, put_text)                                                                     \
    FIELD(9, heading_deg, put_real)                                                              \
    FIELD(12, satellites_used_by, put_counts)                                                    \
    FIELD(13, satellites_in_view_by, put_counts)                                                 \
    FIELD(15, vdop, put_real)                                                                    \
    FIELD(16, pdop, put_real)                                                                    \
    FIELD(17, lat_error_m, put_real)                                                             \
    FIELD(18, lon_error_m, put_real)                                                             \
    FIELD(19, altitude_error_m, put_real)                                                        \
    FIELD(20, differential_age_s, put_real)

#define FIX_FIELDS                                                                               \
    "terminal time_us time_of_day_us lat lon altitude_m geoid_separation_m speed_kmh course_deg " \
    "heading_deg fix satellites_used satellites_used_by satellites_in_view_by hdop vdop pdop "   \
    "lat_error_m lon_error_m altitude_error_m differential_age_s talkers lines received_at_us run"
#define FIX_SIZE 25
#define HOW_MANY_ALWAYS 16
#define MOST_TALKERS 16
#define MOST_CONSTELLATIONS 16
/* Names and punctuation take less than 600 bytes, 21 numbers, 3 texts and the rest these. */
#define RECORD_BYTES                                                                             \
    (600 + 21 * NUMBER_BYTES + (3 + MOST_TALKERS) * (TEXT_BYTES + 3) +                           \
     2 * MOST_CONSTELLATIONS * (TEXT_BYTES + NUMBER_BYTES + 4))

static PyTypeObject *fix_type;

static bool put_texts(Writer *writer, PyObject *texts)
{
    if (!PyTuple_CheckExact(texts) || PyTuple_GET_SIZE(texts) > MOST_TALKERS)
        return false;
    if (!PUT(writer, "["))
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(texts); i++) {
        if ((i && !PUT(writer, ",")) || !put_text(writer, PyTuple_GET_ITEM(texts, i)))
            return false;
    }
    return PUT(writer, "]");
}

static bool put_counts(Writer *writer, PyObject *counts)
{
    if (!PyDict_CheckExact(counts) || PyDict_GET_SIZE(counts) > MOST_CONSTELLATIONS)
        return false;
    if (!PUT(writer, "{"))
        return false;
    PyObject *name, *count;
    bool first = true;
    for (Py_ssize_t at = 0; PyDict_Next(counts, &at, &name, &count); first = false) {
        if ((!first && !PUT(writer, ",")) || !put_text(writer, name) || !PUT(writer, ":") ||
            !put_whole(writer, count))
            return false;
    }
    return PUT(writer, "}");
}

typedef struct {
    int place;
    const char *name; /* with its comma, quotes and colon */
    size_t length;
    bool (*put)(Writer *, PyObject *);
} Column;

#define AS_COLUMN(place, name, put) {place, ",\"" #name "\":", sizeof(",\"" #name "\":") - 1, put},
static const Column COLUMNS[FIX_SIZE] = {FIELDS(AS_COLUMN)};
#undef AS_COLUMN

/* The record's length, 0 if the fix is not plain. */
static size_t write_fix(PyObject *fix, char *record)
{
    if (Py_TYPE(fix) != fix_type || PyTuple_GET_SIZE(fix) != FIX_SIZE)
        return 0;
    Writer writer = {record, record + RECORD_BYTES};
    for (int i = 0; i < FIX_SIZE; i++) {
        const Column *column = &COLUMNS[i];
        PyObject *value = PyTuple_GET_ITEM(fix, column->place);
        if (value == Py_None && i >= HOW_MANY_ALWAYS)
            continue;
        if (!put_bytes(&writer, column->name, column->length) ||
            !(value == Py_None ? PUT(&writer, "null") : column->put(&writer, value)))
            return 0;
    }
    if (!PUT(&writer, "}"))
        return 0;
    /* In place of the first comma. */
    record[0] = '{';
    return (size_t)(writer.at - record);
}

/* A NamedTuple of two; takes over both references, of which either may be NULL. */
static PyObject *pair_of(PyTypeObject *type, PyObject *key, PyObject *value)
{
    PyObject *pair = key == NULL || value == NULL ? NULL : new_tuple(type, 2);
    if (pair == NULL) {
        Py_XDECREF(key);
        Py_XDECREF(value);
        return NULL;
    }
    PyTuple_SET_ITEM(pair, 0, key);
    PyTuple_SET_ITEM(pair, 1, value);
    /* The garbage collector need not know it: bytes lead nowhere. */
    PyObject_GC_UnTrack(pair);
    return pair;
}

PyDoc_STRVAR(add_fixes_doc,
             "add_fixes(entries, fixes, start, Entry)\n--\n\n"
             "Append an Entry (key, value) for each of fixes[start:] to the list, up to the first "
             "that is not plain. Returns that one's place and the bytes of the values.");

static PyObject *add_fixes(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                           Py_ssize_t count)
{
    if (count != 4 || fix_type == NULL || !PyList_Check(arguments[0]) ||
        !PyList_Check(arguments[1]) || !is_tuple_type(arguments[3])) {
        PyErr_SetString(PyExc_TypeError, "add_fixes(entries, fixes, start, Entry), after setup()");
        return NULL;
    }
    char record[RECORD_BYTES];
    Py_ssize_t done = PyLong_AsSsize_t(arguments[2]), bytes = 0;
    if (done < 0)
        return PyErr_Occurred() ? NULL : Py_BuildValue("nn", (Py_ssize_t)0, bytes);
    for (; done < PyList_GET_SIZE(arguments[1]); done++) {
        PyObject *fix = PyList_GET_ITEM(arguments[1], done);
        size_t length = write_fix(fix, record);
        if (length == 0)
            break;
        PyObject *terminal = PyTuple_GET_ITEM(fix, 0);
        PyObject *entry = pair_of(
            (PyTypeObject *)arguments[3],
            PyBytes_FromStringAndSize((const char *)PyUnicode_1BYTE_DATA(terminal),
                                      PyUnicode_GET_LENGTH(terminal)),
            PyBytes_FromStringAndSize(record, (Py_ssize_t)length));
        int failed = entry == NULL ? -1 : PyList_Append(arguments[0], entry);
        Py_XDECREF(entry);
        if (failed)
            return NULL;
        bytes += (Py_ssize_t)length;
    }
    return Py_BuildValue("nn", done, bytes);
}

PyDoc_STRVAR(setup_doc,
             "setup(Fix)\n--\n\n"
             "Once, before anything else. Raises ImportError if it has other fields than those "
             "known here.");

static PyObject *setup(PyObject *Py_UNUSED(module), PyObject *type)
{
    if (!has_fields(type, "Fix", FIX_FIELDS))
        return NULL;
    Py_XSETREF(fix_type, (PyTypeObject *)Py_NewRef(type));
    Py_RETURN_NONE;
}

static PyMethodDef METHODS[] = {
    {"setup", setup, METH_O, setup_doc},
    {"add_fixes", (PyCFunction)(void (*)(void))add_fixes, METH_FASTCALL, add_fixes_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT,
    .m_name = "services._fixes",
    .m_doc = "Fixes as records, as services.codec.encode_fix writes them, only faster.",
    .m_size = -1,
    .m_methods = METHODS,
};

PyMODINIT_FUNC PyInit__fixes(void)
{
    return new_module(&MODULE);
}
