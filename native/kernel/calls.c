/* The methods of Runner. */
#include "runner.h"

#include <math.h>

#include "arrays.h"
#include "noise.h"

/* Below so many rows, handing the interpreter's lock on and back takes longer than others would wait. */
enum { ROWS_TO_UNLOCK = 32 };

/* A block: more rows are for several threads. */
enum { MOST_SCORED = 1024 };

/* [rows] for an output of one number, [rows, *shape] otherwise. */
static PyObject *new_output(const Runner *self, Py_ssize_t rows) {
  PyObject *count = PyLong_FromSsize_t(rows), *out = NULL;
  if (!count) return NULL;
  if (PyTuple_Size(self->shape) == 0) {
    out = new_array(count);
  } else {
    PyObject *leading = PyTuple_Pack(1, count);
    PyObject *shape = leading ? PySequence_Concat(leading, self->shape) : NULL;
    if (shape) out = new_array(shape);
    Py_XDECREF(leading);
    Py_XDECREF(shape);
  }
  Py_DECREF(count);
  return out;
}

static int run(const Runner *self, const float *const *inputs, float *out, Py_ssize_t rows) {
  int result;
  if (rows < ROWS_TO_UNLOCK) {
    result = kernel_run(self->kernel, inputs, out, (size_t)rows);
  } else {
    Py_BEGIN_ALLOW_THREADS result = kernel_run(self->kernel, inputs, out, (size_t)rows);
    Py_END_ALLOW_THREADS
  }
  if (result < 0) PyErr_NoMemory();
  return result;
}

static int holds_nan(const Runner *self, const float *const *inputs, Py_ssize_t row) {
  for (int q = 0; q < self->inputs; ++q)
    for (int i = 0; i < self->width[q]; ++i) {
      const float number = inputs[q][row * self->width[q] + i];
      if (number != number) return 1;
    }
  return 0;
}

/* Where a density ran over, it is −∞, unless the row itself holds a NaN. */
static void settle(const Runner *self, const float *const *inputs, float *log_prob, Py_ssize_t rows) {
  for (Py_ssize_t row = 0; row < rows; ++row)
    if (!(log_prob[row] < INFINITY)) log_prob[row] = holds_nan(self, inputs, row) ? NAN : -INFINITY;
}

typedef void After(const Runner *self, const float *const *inputs, float *out, Py_ssize_t rows);

/* Runs on inputs that fit, into a new array, of which `after` may make something. */
static PyObject *run_new(const Runner *self, const float *const *inputs, Py_ssize_t rows, After *after) {
  PyObject *out = new_output(self, rows);
  Py_buffer view;
  if (!out || PyObject_GetBuffer(out, &view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) < 0) {
    Py_XDECREF(out);
    return NULL;
  }
  const int failed = run(self, inputs, view.buf, rows) < 0;
  if (!failed && after) after(self, inputs, view.buf, rows);
  PyBuffer_Release(&view);
  if (!failed) return out;
  Py_DECREF(out);
  return NULL;
}

static PyObject *misfit(void) {
  PyErr_SetString(PyExc_ValueError, "expected an array [rows, width] of float32, in C order, for each input");
  return NULL;
}

/* Views of all inputs, of as many rows; how many views are held. */
static int get_inputs(const Runner *self, PyObject *const *given, Py_buffer *views, const float **inputs) {
  int held = 0;
  while (held < self->inputs && get_rows(given[held], &views[held], self->width[held])) {
    inputs[held] = views[held].buf;
    ++held;
    if (views[held - 1].shape[0] != views[0].shape[0]) break;
  }
  return held;
}

static int all_fit(const Runner *self, const Py_buffer *views, int held) {
  return held == self->inputs && views[held - 1].shape[0] == views[0].shape[0];
}

PyDoc_STRVAR(run_doc, "run(*inputs) -> a new array [rows, *shape]: arrays [rows, width] of float32 in C order.");
static PyObject *runner_run(PyObject *object, PyObject *const *given, Py_ssize_t count) {
  Runner *self = (Runner *)object;
  if (count != self->inputs) return misfit();
  Py_buffer views[MOST_INPUTS];
  const float *inputs[MOST_INPUTS];
  const int held = get_inputs(self, given, views, inputs);
  PyObject *out = all_fit(self, views, held) ? run_new(self, inputs, views[0].shape[0], NULL) : misfit();
  release(views, held);
  return out;
}

PyDoc_STRVAR(run_into_doc, "run_into(*inputs, out): the same into an array of float32 in C order.");
static PyObject *runner_run_into(PyObject *object, PyObject *const *given, Py_ssize_t count) {
  Runner *self = (Runner *)object;
  if (count != self->inputs + 1) return misfit();
  Py_buffer views[MOST_INPUTS], out;
  const float *inputs[MOST_INPUTS];
  const int held = get_inputs(self, given, views, inputs);
  PyObject *result = NULL;
  if (!all_fit(self, views, held)) {
    misfit();
  } else if (PyObject_GetBuffer(given[count - 1], &out, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE) == 0) {
    const Py_ssize_t rows = views[0].shape[0];
    if (!is_float32(&out) || out.len != rows * self->outputs * (Py_ssize_t)sizeof(float))
      misfit();
    else if (run(self, inputs, out.buf, rows) == 0)
      result = Py_NewRef(Py_None);
    PyBuffer_Release(&out);
  }
  release(views, held);
  return result;
}

/* Whether every number of a category is one of its codes. */
static int are_codes(const Runner *self, const float *context, Py_ssize_t rows) {
  for (Py_ssize_t row = 0; row < rows; ++row, context += self->width[1])
    for (int i = 0; i < self->width[1]; ++i) {
      const int32_t last = self->last[i];
      if (last >= 0 && !(context[i] >= 0 && context[i] <= (float)last && context[i] == (float)(int32_t)context[i]))
        return 0;
    }
  return 1;
}

/* A context of as many rows as x has, or one row of it alone, that needs no looking at. */
static int get_context(const Runner *self, PyObject *given, Py_buffer *view, Py_ssize_t rows) {
  if (Py_TYPE(given) != numpy_array || !get_view(given, view)) return 0;
  const Py_ssize_t width = self->width[1];
  const int fits = (view->ndim == 2 && view->shape[0] == rows && view->shape[1] == width) ||
                   (view->ndim == 1 && rows == 1 && view->shape[0] == width);
  if (is_float32(view) && fits && are_codes(self, view->buf, rows)) return 1;
  PyBuffer_Release(view);
  return 0;
}

PyDoc_STRVAR(
    score_doc,
    "score(x, context) -> log-densities [rows], −inf where they ran over; None for anything but numpy arrays\n"
    "that are what `run` takes, of 1 to 1,024 rows, with codes of categories: whoever knows more of arrays and\n"
    "threads, and of what is wrong with them, is to see to it. The context is None for a graph of one input.");
static PyObject *runner_score(PyObject *object, PyObject *const *given, Py_ssize_t count) {
  Runner *self = (Runner *)object;
  if (count != 2 || self->outputs != 1 || Py_TYPE(given[0]) != numpy_array) Py_RETURN_NONE;
  Py_buffer views[MOST_INPUTS];
  if (!get_rows(given[0], &views[0], self->width[0])) Py_RETURN_NONE;
  const Py_ssize_t rows = views[0].shape[0];
  int held = 1, fits = rows > 0 && rows <= MOST_SCORED;
  if (fits && self->inputs == 1) fits = given[1] == Py_None;
  if (fits && self->inputs == 2) {
    fits = get_context(self, given[1], &views[1], rows);
    held += fits;
  }
  const float *inputs[MOST_INPUTS] = {views[0].buf, held > 1 ? views[1].buf : NULL};
  PyObject *out = fits ? run_new(self, inputs, rows, settle) : Py_NewRef(Py_None);
  release(views, held);
  return out;
}

PyDoc_STRVAR(draw_doc,
             "draw(seed, first, rows, temperature, warm) -> samples [rows, *shape] number `first` … of a seed; the\n"
             "first `warm` numbers of a latent have the temperature. For graphs of one input.");
static PyObject *runner_draw(PyObject *object, PyObject *arguments) {
  Runner *self = (Runner *)object;
  unsigned long long seed, first;
  Py_ssize_t rows;
  float temperature;
  int warm;
  if (!PyArg_ParseTuple(arguments, "KKnfi", &seed, &first, &rows, &temperature, &warm)) return NULL;
  const Py_ssize_t width = self->width[0];
  if (self->inputs != 1 || rows < 0 || rows > PY_SSIZE_T_MAX / 4 / width) return misfit();
  float few[64], *z = rows * width <= 64 ? few : PyMem_Malloc(sizeof(float) * (size_t)(rows * width));
  if (!z) return PyErr_NoMemory();
  Py_BEGIN_ALLOW_THREADS normals(seed, first * (unsigned long long)width, (size_t)(rows * width), z);
  Py_END_ALLOW_THREADS if (temperature != 1) for (Py_ssize_t row = 0; row < rows;
                                                  ++row) for (int i = 0; i < warm && i < width; ++i)
      z[row * width + i] *= temperature;
  const float *inputs[MOST_INPUTS] = {z};
  PyObject *out = run_new(self, inputs, rows, NULL);
  if (z != few) PyMem_Free(z);
  return out;
}

PyMethodDef runner_methods[] = {
    {"run", (PyCFunction)(void (*)(void))runner_run, METH_FASTCALL, run_doc},
    {"run_into", (PyCFunction)(void (*)(void))runner_run_into, METH_FASTCALL, run_into_doc},
    {"score", (PyCFunction)(void (*)(void))runner_score, METH_FASTCALL, score_doc},
    {"draw", runner_draw, METH_VARARGS, draw_doc},
    {0},
};
