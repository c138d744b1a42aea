/* Arrays of numpy by the buffer protocol and three of its objects alone: none of its headers is needed. */
#ifndef FLOWEXPORT_ARRAYS_H
#define FLOWEXPORT_ARRAYS_H

/* The limited API of 3.11: one wheel serves every later version. */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

extern PyObject *numpy_empty, *numpy_float32;
extern PyTypeObject *numpy_array;

/* A float32 array of a shape: a number, or a tuple. */
static inline PyObject *new_array(PyObject *shape) {
  return PyObject_CallFunctionObjArgs(numpy_empty, shape, numpy_float32, NULL);
}

static inline int is_float32(const Py_buffer *view) {
  return view->itemsize == 4 && view->format[0] == 'f' && !view->format[1];
}

/* A view of an array in C order; 0 with no error set where it is none. */
static inline int get_view(PyObject *given, Py_buffer *view) {
  if (PyObject_GetBuffer(given, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) == 0) return 1;
  PyErr_Clear();
  return 0;
}

/* A view of an array [rows, width] of float32 in C order; 0 with no error set where it is none. */
static inline int get_rows(PyObject *given, Py_buffer *view, Py_ssize_t width) {
  if (!get_view(given, view)) return 0;
  if (is_float32(view) && view->ndim == 2 && view->shape[1] == width) return 1;
  PyBuffer_Release(view);
  return 0;
}

static inline void release(Py_buffer *views, int held) {
  while (held > 0) PyBuffer_Release(&views[--held]);
}

#endif
