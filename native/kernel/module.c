/* The module `_kernel`: kernels and noise for Python. */
#define FILLS_TABLE_OF_NUMPY
#include "arrays.h"
#include "functions.h"
#include "kernel.h"
#include "noise.h"
#include "runner.h"

PyDoc_STRVAR(normals_doc, "normals(seed, start, count) -> standard normals number `start` … of a seed, float32.");
static PyObject *module_normals(PyObject *module, PyObject *arguments) {
  (void)module;
  unsigned long long seed, start;
  Py_ssize_t count;
  if (!PyArg_ParseTuple(arguments, "KKn", &seed, &start, &count)) return NULL;
  PyObject *out = new_array(1, (const npy_intp[]){count});
  if (!out) return NULL;
  float *found = numbers(out);
  Py_BEGIN_ALLOW_THREADS normals(seed, start, (size_t)count, found);
  Py_END_ALLOW_THREADS return out;
}

PyDoc_STRVAR(level_doc,
             "level(name=None) -> the instruction set of kernels that are made from now on; a name chooses it.");
static PyObject *module_level(PyObject *module, PyObject *arguments) {
  (void)module;
  const char *name = NULL;
  if (!PyArg_ParseTuple(arguments, "|z", &name)) return NULL;
  if (name && level_choose(name) < 0) {
    PyErr_SetString(PyExc_ValueError, "this processor has no such instruction set, or the kernel does not");
    return NULL;
  }
  return PyUnicode_FromString(level_name());
}

static PyObject *names_of(const char *const *names, int count) {
  PyObject *tuple = PyTuple_New(count);
  for (int i = 0; tuple && i < count; ++i) {
    PyObject *name = PyUnicode_FromString(names[i]);
    if (!name || PyTuple_SetItem(tuple, i, name) < 0) Py_CLEAR(tuple);
  }
  return tuple;
}

PyDoc_STRVAR(levels_doc, "levels() -> the instruction sets that this processor has, the best first.");
static PyObject *module_levels(PyObject *module, PyObject *nothing) {
  (void)module, (void)nothing;
  const char *names[8];
  int count = 0;
  while (count < 8 && (names[count] = level_known(count))) ++count;
  return names_of(names, count);
}

static PyMethodDef module_methods[] = {
    {"normals", module_normals, METH_VARARGS, normals_doc},
    {"level", module_level, METH_VARARGS, level_doc},
    {"levels", module_levels, METH_NOARGS, levels_doc},
    {0},
};
static struct PyModuleDef module_of_kernels = {
    PyModuleDef_HEAD_INIT, "_kernel", "Flows as programs on one small kernel.", -1, module_methods, 0, 0, 0, 0,
};

/* The names of operations and functions in the order of their codes, so that no second table can differ from the first.
 */
static int add_names(PyObject *module) {
#define NAME(name) #name,
#define NAME_AND_VALUE(name, value) #name,
  static const char *const operations[] = {OPERATIONS(NAME)}, *const functions[] = {FUNCTIONS(NAME_AND_VALUE)};
  PyObject *of_operations = names_of(operations, OPERATION_COUNT), *of_functions = names_of(functions, FUNCTION_COUNT);
  const int failed = !of_operations || !of_functions ||
                     PyModule_AddObjectRef(module, "OPERATIONS", of_operations) < 0 ||
                     PyModule_AddObjectRef(module, "FUNCTIONS", of_functions) < 0;
  Py_XDECREF(of_operations);
  Py_XDECREF(of_functions);
  return failed ? -1 : 0;
}

PyMODINIT_FUNC PyInit__kernel(void) {
  if (PyArray_ImportNumPyAPI() < 0) return NULL;
  PyObject *module = PyModule_Create(&module_of_kernels);
  PyObject *type = runner_type();
  if (module && type && PyModule_AddObjectRef(module, "Runner", type) == 0 && add_names(module) == 0) {
    Py_DECREF(type);
    return module;
  }
  Py_XDECREF(type);
  Py_XDECREF(module);
  return NULL;
}
