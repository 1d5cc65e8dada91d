/* Whole epochs: the sentences of one that came complete, and the fix that RMC and GGA make
 * (services/nmea/epoch.py and build_fix.py, which say what is done with all others).
 */
#ifndef DIPPER_EPOCHS_H
#define DIPPER_EPOCHS_H

#include <Python.h>

#include "sentences.h"

/* Where in a reading its time of day stands; 0 in a kind that has none. */
static const Py_ssize_t TIME_PLACE[HOW_MANY_KINDS] = {
    [RMC] = 1, [GGA] = 1, [GNS] = 1, [GLL] = 3, [ZDA] = 1, [GST] = 1,
};

static PyTypeObject *fix_type;
static PyObject *quality_names; /* tuple: by GGA's quality field */
static PyObject *quality_by_mode; /* dict: by RMC's mode letter */
static PyObject *given_qualities; /* frozenset: those that hold though the status says invalid */
static PyObject *no_quality, *plain_quality;

#define FIX_FIELDS                                                                               \
    "terminal time_us time_of_day_us lat lon altitude_m geoid_separation_m speed_kmh course_deg " \
    "heading_deg fix satellites_used satellites_used_by satellites_in_view_by hdop vdop pdop "   \
    "lat_error_m lon_error_m altitude_error_m differential_age_s talkers lines received_at_us run"
#define FIX_SIZE 25

static inline PyObject *item(PyObject *tuple, Py_ssize_t place)
{
    return PyTuple_GET_ITEM(tuple, place);
}

static inline bool is_kind(PyObject *reading, enum Kind kind)
{
    return Py_TYPE(reading) == types[kind];
}

/* A kind of sentence as services/nmea/cycle.py remembers it: (talker, type, last of its group). */
static inline bool is_of(PyObject *reading, PyObject *kind)
{
    if (!PyTuple_Check(kind) || PyTuple_GET_SIZE(kind) != 3 ||
        (PyObject *)Py_TYPE(reading) != item(kind, 1))
        return false;
    /* Mostly the same object; not where Python code has read the sentence that is remembered. */
    PyObject *talker = item(reading, 0), *known = item(kind, 0);
    if (talker != known && (!PyUnicode_Check(known) || PyUnicode_Compare(talker, known) != 0))
        return false;
    if (!is_kind(reading, GSV))
        return true;
    bool last = PyLong_AsLong(item(reading, 1)) == PyLong_AsLong(item(reading, 2));
    return last == (item(kind, 2) == Py_True);
}

/* Take note of a sentence's time of day, borrowed, in *time. False if it has none though its kind
 * has, or another one than those before. */
static bool keeps_time(PyObject *reading, PyObject **time)
{
    for (enum Kind kind = 0; kind < HOW_MANY_KINDS; kind++) {
        if (TIME_PLACE[kind] == 0 || !is_kind(reading, kind))
            continue;
        PyObject *own = item(reading, TIME_PLACE[kind]);
        if (own == Py_None)
            return false;
        if (*time == NULL)
            *time = own;
        return PyLong_AsLongLong(own) == PyLong_AsLongLong(*time);
    }
    return true;
}

/* Of readings[start:]: the sentences if they are of just these kinds and those with a time all
 * have the same one; it goes to *time. A new list; NULL without an exception if not. */
static PyObject *epoch_sentences(PyObject *readings, Py_ssize_t start, PyObject *kinds,
                                 PyObject **time)
{
    Py_ssize_t count = PyTuple_GET_SIZE(kinds);
    *time = NULL;
    if (start < 0 || PyList_GET_SIZE(readings) - start < count)
        return NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *numbered = PyList_GET_ITEM(readings, start + i);
        if (!PyTuple_Check(numbered) || PyTuple_GET_SIZE(numbered) != 3)
            return NULL;
        PyObject *reading = item(numbered, 1);
        if (!PyTuple_Check(reading) || !is_of(reading, item(kinds, i)) ||
            !keeps_time(reading, time))
            return NULL;
    }
    if (*time == NULL)
        return NULL;
    PyObject *sentences = PyList_New(count);
    for (Py_ssize_t i = 0; sentences != NULL && i < count; i++)
        PyList_SET_ITEM(sentences, i, Py_NewRef(item(PyList_GET_ITEM(readings, start + i), 1)));
    return sentences;
}

/* As services.nmea.dates.date_given() of sentences that all have one time; borrowed. */
static PyObject *given_date(PyObject *sentences)
{
    PyObject *best = NULL;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(sentences); i++) {
        PyObject *reading = PyList_GET_ITEM(sentences, i);
        if (is_kind(reading, RMC) && item(reading, 7) != Py_None) {
            if (item(reading, 2) == Py_True)
                return item(reading, 7);
            best = best ? best : reading;
        } else if (is_kind(reading, ZDA) && item(reading, 2) != Py_None &&
                   !(best != NULL && is_kind(best, ZDA))) {
            best = reading;
        }
    }
    return best == NULL ? Py_None : item(best, is_kind(best, RMC) ? 7 : 2);
}

/* The quality's name, borrowed; as services.nmea.fix_quality has it. NULL with an exception. */
static PyObject *gga_quality_of(PyObject *gga)
{
    long quality = PyLong_AsLong(item(gga, 4));
    if (quality <= 0 || item(gga, 2) == Py_None || item(gga, 3) == Py_None)
        return no_quality;
    return quality < PyTuple_GET_SIZE(quality_names) ? item(quality_names, quality) : no_quality;
}

static PyObject *rmc_quality_of(PyObject *rmc)
{
    PyObject *mode = item(rmc, 8), *quality = plain_quality;
    if (item(rmc, 3) == Py_None || item(rmc, 4) == Py_None)
        return no_quality;
    if (mode != Py_None && PyUnicode_GetLength(mode) > 0) {
        PyObject *known = PyDict_GetItemWithError(quality_by_mode, mode);
        if (known == NULL && PyErr_Occurred())
            return NULL;
        quality = known != NULL ? known : plain_quality;
        if (PyUnicode_Compare(quality, no_quality) == 0)
            return PyErr_Occurred() ? NULL : no_quality;
    }
    if (item(rmc, 2) == Py_True)
        return quality;
    int given = PySet_Contains(given_qualities, quality);
    return given < 0 ? NULL : given ? quality : no_quality;
}

/* The fix of an RMC and a GGA, or of one of them; the other is NULL. */
static PyObject *fix_of(PyObject *rmc, PyObject *gga, PyObject *talkers, PyObject *const *given,
                        Py_ssize_t lines)
{
    PyObject *values[FIX_SIZE] = {NULL};
    PyObject *quality = gga != NULL ? gga_quality_of(gga) : no_quality;
    PyObject *place = gga;
    Py_ssize_t lat = 2;
    if (quality == no_quality && rmc != NULL) {
        quality = rmc_quality_of(rmc);
        place = rmc;
        lat = 3;
    }
    PyObject *count = quality == NULL ? NULL : PyLong_FromSsize_t(lines);
    PyObject *fix = count == NULL ? NULL : new_tuple(fix_type, FIX_SIZE);
    if (fix == NULL) {
        Py_XDECREF(count);
        return NULL;
    }
    bool fixed = quality != no_quality;
    values[0] = given[0];
    values[1] = given[1];
    values[2] = given[2];
    values[10] = quality;
    if (fixed) {
        values[3] = item(place, lat);
        values[4] = item(place, lat + 1);
        if (rmc != NULL) {
            values[7] = item(rmc, 5);
            values[8] = item(rmc, 6);
        }
    }
    if (gga != NULL) {
        if (fixed && PyLong_AsLong(item(gga, 4)) != 0) {
            values[5] = item(gga, 7);
            values[6] = item(gga, 8);
        }
        values[11] = item(gga, 5);
        values[14] = item(gga, 6);
        values[20] = item(gga, 9);
    }
    values[21] = talkers;
    values[22] = count;
    values[23] = given[4];
    values[24] = given[5];
    for (Py_ssize_t i = 0; i < FIX_SIZE; i++)
        PyTuple_SET_ITEM(fix, i, Py_NewRef(values[i] != NULL ? values[i] : Py_None));
    Py_DECREF(count);
    return fix;
}

PyDoc_STRVAR(next_epoch_doc,
             "next_epoch(readings, start, kinds, left_time)\n--\n\n"
             "(time of day, date in days or None, sentences) of the epoch that begins at start, if "
             "it is of just these kinds and one time other than left_time; else None.");

static PyObject *core_next_epoch(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                                 Py_ssize_t count)
{
    if (count != 4 || !PyList_Check(arguments[0]) || !PyTuple_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "next_epoch(readings, start, kinds, left_time)");
        return NULL;
    }
    Py_ssize_t start = PyLong_AsSsize_t(arguments[1]);
    if (start == -1 && PyErr_Occurred())
        return NULL;
    PyObject *time;
    PyObject *sentences = epoch_sentences(arguments[0], start, arguments[2], &time);
    if (sentences == NULL) {
        if (PyErr_Occurred())
            return NULL;
        Py_RETURN_NONE;
    }
    int left = PyObject_RichCompareBool(time, arguments[3], Py_EQ);
    if (left != 0) {
        Py_DECREF(sentences);
        return left < 0 ? NULL : Py_NewRef(Py_None);
    }
    PyObject *found = PyTuple_Pack(3, time, given_date(sentences), sentences);
    Py_DECREF(sentences);
    return found;
}

PyDoc_STRVAR(plain_fix_doc,
             "plain_fix(terminal, time_us, time_of_day_us, sentences, received_at_us, run)\n--\n\n"
             "As build_fix(), of a list of at most one RMC and at most one GGA; else None.");

/* given: terminal, time_us, time_of_day_us, any, received_at_us, run. NULL without an exception if
 * there are other sentences than at most one RMC and at most one GGA. */
static PyObject *plain_fix_of(PyObject *const *given, PyObject *sentences)
{
    PyObject *rmc = NULL, *gga = NULL;
    Py_ssize_t lines = PyList_GET_SIZE(sentences);
    if (lines < 1 || lines > 2)
        return NULL;
    for (Py_ssize_t i = 0; i < lines; i++) {
        PyObject *reading = PyList_GET_ITEM(sentences, i);
        PyObject **place = is_kind(reading, RMC) ? &rmc : is_kind(reading, GGA) ? &gga : NULL;
        if (place == NULL || *place != NULL)
            return NULL;
        *place = reading;
    }
    PyObject *first = item(PyList_GET_ITEM(sentences, 0), 0);
    PyObject *last = item(PyList_GET_ITEM(sentences, lines - 1), 0);
    int same = PyObject_RichCompareBool(first, last, Py_EQ);
    if (same < 0)
        return NULL;
    PyObject *talkers = same ? PyTuple_Pack(1, first) : PyTuple_Pack(2, first, last);
    if (talkers == NULL)
        return NULL;
    PyObject *fix = fix_of(rmc, gga, talkers, given, lines);
    Py_DECREF(talkers);
    return fix;
}

static PyObject *core_plain_fix(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                                Py_ssize_t count)
{
    if (count != 6 || fix_type == NULL) {
        PyErr_SetString(PyExc_TypeError, "plain_fix takes 6 arguments, after setup_fix()");
        return NULL;
    }
    PyObject *fix = PyList_Check(arguments[3]) ? plain_fix_of(arguments, arguments[3]) : NULL;
    return fix == NULL && !PyErr_Occurred() ? Py_NewRef(Py_None) : fix;
}

PyDoc_STRVAR(setup_fix_doc,
             "setup_fix(Fix, qualities, by_mode, given)\n--\n\n"
             "Once: the type, and what services.model and fix_quality.py have. Raises ImportError "
             "if Fix has other fields than those known here.");

static PyObject *core_setup_fix(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *type, *qualities, *by_mode, *given;
    if (!PyArg_ParseTuple(arguments, "O!O!O!O!", &PyType_Type, &type, &PyTuple_Type, &qualities,
                          &PyDict_Type, &by_mode, &PyFrozenSet_Type, &given))
        return NULL;
    if (!has_fields(type, "Fix", FIX_FIELDS))
        return NULL;
    if (PyTuple_GET_SIZE(qualities) < 2) {
        PyErr_SetString(PyExc_ImportError, "too few qualities");
        return NULL;
    }
    Py_XSETREF(fix_type, (PyTypeObject *)Py_NewRef(type));
    Py_XSETREF(quality_names, Py_NewRef(qualities));
    Py_XSETREF(quality_by_mode, Py_NewRef(by_mode));
    Py_XSETREF(given_qualities, Py_NewRef(given));
    no_quality = item(quality_names, 0);
    plain_quality = item(quality_names, 1);
    Py_RETURN_NONE;
}

#endif
