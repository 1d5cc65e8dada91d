/* services.store._rows: the store's hot path, compiled. FixRecord fixes as rows of positions, and
 * such rows in PostgreSQL's binary format.
 *
 * All of it is a shortcut of services/store/positions.py and of asyncpg: it takes records as Dipper's
 * own enrich writes them and answers None for every other, so that what a record means is said in one
 * place, in Python. tests/differential/test_rows.py holds the two against each other.
 */
#include "../../native/module.h"
#include "order.h"

PyDoc_STRVAR(read_enriched_doc,
"read_enriched(value, ids, partition)\n--\n\n"
"A record of telematics.enriched.v1 as (offset in the fix topic, run, lines, received_at_us,\n"
"terminal, made with BeiDou, row of positions), or None for one that is not as enrich writes it.");

static PyObject *
as_plain(const FixRecord *record, PyObject *ids)
{
    PyObject *terminal = text_object(record->terminal), *run = text_object(record->run);
    PyObject *id = terminal == NULL ? NULL : PyDict_GetItemWithError(ids, terminal);
    PyObject *row = terminal == NULL || PyErr_Occurred() ? NULL : as_row(record, id);
    if (row == NULL || run == NULL) {
        Py_XDECREF(row);
        Py_XDECREF(run);
        Py_XDECREF(terminal);
        return NULL;
    }
    return Py_BuildValue("(LNLLNON)", record->offset, run, record->lines, record->received_at_us,
                         terminal, has_beidou(record) ? Py_True : Py_False, row);
}

static PyObject *
read_enriched(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (count != 3 || !PyDict_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "read_enriched(value, ids, partition)");
        return NULL;
    }
    long long partition = PyLong_AsLongLong(args[2]);
    if (partition == -1 && PyErr_Occurred())
        return NULL;
    FixRecord record;
    if (!take_enriched(args[0], &record) || record.partition != partition)
        Py_RETURN_NONE;
    return as_plain(&record, args[1]);
}

PyDoc_STRVAR(pack_batch_doc,
"pack_batch(records, ids, partition, next_source)\n--\n\n"
"A batch of telematics.enriched.v1 as (Rows, their records, lines by run, terminals without an id,\n"
"redelivered, next source, made with BeiDou, how many of each quality, moments), or None if one\n"
"of the records is not as enrich writes it or has a value that its column does not take.");

static PyObject *
pack_batch(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (count != 4 || !PyDict_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "pack_batch(records, ids, partition, next_source)");
        return NULL;
    }
    long long partition = PyLong_AsLongLong(args[2]);
    long long next_source = PyErr_Occurred() ? -1 : PyLong_AsLongLong(args[3]);
    if (PyErr_Occurred())
        return NULL;
    PyObject *records = PySequence_Fast(args[0], "a sequence of records is needed");
    if (records == NULL)
        return NULL;
    PyObject *packed = pack_records(records, args[1], partition, next_source);
    Py_DECREF(records);
    return packed;
}

PyDoc_STRVAR(newest_last_doc,
"newest_last(parts)\n--\n\n"
"A list of Rows as one, each terminal's latest row last, and how many come before those; None if\n"
"not all of the parts are Rows.");

static PyObject *
newest_last(PyObject *Py_UNUSED(module), PyObject *parts)
{
    if (!PyList_Check(parts)) {
        PyErr_SetString(PyExc_TypeError, "newest_last(list)");
        return NULL;
    }
    Py_ssize_t count = 0;
    size_t bytes = 0;
    for (Py_ssize_t part = 0; part < PyList_GET_SIZE(parts); part++) {
        if (!Py_IS_TYPE(PyList_GET_ITEM(parts, part), &rows_type))
            Py_RETURN_NONE;
        const Rows *rows = (Rows *)PyList_GET_ITEM(parts, part);
        count += rows->count;
        bytes += rows->packed.used;
    }
    return order_rows(parts, count, bytes);
}

PyDoc_STRVAR(pack_positions_doc,
"pack_positions(rows, oid)\n--\n\n"
"Rows of positions, a list or Rows, as PostgreSQL's binary format of an array of them (array_recv,\n"
"record_recv). oid is that of the type of the rows. Raises TypeError, OverflowError, ValueError.");

static size_t
put_array_head(char *head, Py_ssize_t rows, uint32_t oid)
{
    put32(head, rows ? 1 : 0);
    put32(head + 4, 0);
    put32(head + 8, oid);
    if (rows == 0)
        return 12;
    put32(head + 12, (uint32_t)rows);
    put32(head + 16, 1);
    return 20;
}

static PyObject *
pack_rows(const Rows *rows, uint32_t oid)
{
    char head[20];
    size_t size = put_array_head(head, rows->count, oid);
    PyObject *packed = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(size + rows->packed.used));
    if (packed == NULL)
        return NULL;
    memcpy(PyBytes_AS_STRING(packed), head, size);
    if (rows->packed.used)
        memcpy(PyBytes_AS_STRING(packed) + size, rows->packed.start, rows->packed.used);
    return packed;
}

static PyObject *
pack_list(PyObject *rows, uint32_t oid)
{
    Buffer buffer = {NULL, 0, 0};
    PyObject *packed = NULL;
    char *head = extend(&buffer, 20);
    if (head == NULL)
        return NULL;
    buffer.used = put_array_head(head, PyList_GET_SIZE(rows), oid);
    for (Py_ssize_t index = 0; index < PyList_GET_SIZE(rows); index++)
        if (!put_row(&buffer, PyList_GET_ITEM(rows, index)))
            goto out;
    packed = PyBytes_FromStringAndSize(buffer.start, (Py_ssize_t)buffer.used);
out:
    PyMem_Free(buffer.start);
    return packed;
}

static PyObject *
pack_positions(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    bool packed = count == 2 && Py_IS_TYPE(args[0], &rows_type);
    if (!packed && (count != 2 || !PyList_Check(args[0]))) {
        PyErr_SetString(PyExc_TypeError, "pack_positions(rows, oid)");
        return NULL;
    }
    unsigned long oid = PyLong_AsUnsignedLong(args[1]);
    if (oid == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    return packed ? pack_rows((Rows *)args[0], (uint32_t)oid) : pack_list(args[0], (uint32_t)oid);
}

static PyMethodDef methods[] = {
    {"read_enriched", (PyCFunction)(void (*)(void))read_enriched, METH_FASTCALL, read_enriched_doc},
    {"pack_batch", (PyCFunction)(void (*)(void))pack_batch, METH_FASTCALL, pack_batch_doc},
    {"newest_last", newest_last, METH_O, newest_last_doc},
    {"pack_positions", (PyCFunction)(void (*)(void))pack_positions, METH_FASTCALL,
     pack_positions_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_rows", "The store's hot path, compiled.", -1, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC
PyInit__rows(void)
{
    if (PyType_Ready(&rows_type) < 0)
        return NULL;
    return new_module(&module);
}
