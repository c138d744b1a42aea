/* Arrays of numpy, by its own headers: what is asked of one is a look at its fields, where a buffer would be built. */
#ifndef FLOWEXPORT_ARRAYS_H
#define FLOWEXPORT_ARRAYS_H

/* The limited API of 3.11: one wheel serves every later version. */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* As much of numpy as 1.26 has, in one table for the whole module, which module.c fills. */
#define NPY_TARGET_VERSION NPY_1_25_API_VERSION
#define NPY_NO_DEPRECATED_API NPY_1_25_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL flowexport_numpy
#ifndef FILLS_TABLE_OF_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

static inline PyObject *new_array(int axes, const npy_intp *sizes) {
  return PyArray_SimpleNew(axes, sizes, NPY_FLOAT32);
}

static inline float *numbers(PyObject *array) { return PyArray_DATA((PyArrayObject *)array); }
static inline npy_intp size_of(PyObject *array, int axis) { return PyArray_DIM((PyArrayObject *)array, axis); }

/* Whether it is an array of so many axes, of float32 in this machine's order of bytes, aligned, in C order. */
static inline int is_plain(PyObject *given, int axes) {
  PyArrayObject *array = (PyArrayObject *)given;
  return PyArray_Check(given) && PyArray_TYPE(array) == NPY_FLOAT32 && PyArray_NDIM(array) == axes &&
         PyArray_ISCARRAY_RO(array);
}

#endif
