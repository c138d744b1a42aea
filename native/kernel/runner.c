/* The type Runner: a kernel for Python. */
#include "runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arrays.h"
#include "kernel.h"
#include "noise.h"

/* Below so many rows, handing the interpreter's lock on and back takes longer than others would wait. */
enum { ROWS_TO_UNLOCK = 32 };

/* A block: more rows are for several threads. */
enum { MOST_SCORED = 1024 };

typedef struct {
  PyObject_HEAD
  Kernel *kernel;
  int inputs, width[MOST_INPUTS];
  Py_ssize_t outputs;
  PyObject *shape;  /* of a row of the output */
  int32_t *last;    /* of each number of the context its highest code, or −1 where it has none */
} Runner;

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
    Py_BEGIN_ALLOW_THREADS
    result = kernel_run(self->kernel, inputs, out, (size_t)rows);
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
      if (last >= 0 && !(context[i] >= 0 && context[i] <= (float)last && context[i] == (float)(int32_t)context[i])) return 0;
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

PyDoc_STRVAR(score_doc,
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
  Py_BEGIN_ALLOW_THREADS
  normals(seed, first * (unsigned long long)width, (size_t)(rows * width), z);
  Py_END_ALLOW_THREADS
  if (temperature != 1)
    for (Py_ssize_t row = 0; row < rows; ++row)
      for (int i = 0; i < warm && i < width; ++i) z[row * width + i] *= temperature;
  const float *inputs[MOST_INPUTS] = {z};
  PyObject *out = run_new(self, inputs, rows, NULL);
  if (z != few) PyMem_Free(z);
  return out;
}

/* Arrays that `new` takes: code, weights, inputs, outputs and codes. */
enum { VIEWS = 5 };

static int get_words(PyObject *given, Py_buffer *view, const char *formats) {
  if (PyObject_GetBuffer(given, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0) return 0;
  if (view->itemsize == 4 && strchr(formats, view->format[0]) && view->len / 4 <= INT32_MAX) return 1;
  PyBuffer_Release(view);
  PyErr_SetString(PyExc_ValueError, "expected arrays of int32, and weights of float32");
  return 0;
}

static PyObject *runner_of(PyTypeObject *type, const Program *program, PyObject *shape, const Py_buffer *last) {
  const char *why;
  Kernel *kernel = kernel_new(program, &why);
  if (!kernel) {
    PyErr_SetString(PyExc_ValueError, why);
    return NULL;
  }
  allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  Runner *self = (Runner *)allocate(type, 0);
  int32_t *codes = malloc((size_t)last->len + sizeof *codes);
  if (!self || !codes) {
    Py_XDECREF((PyObject *)self);
    free(codes);
    kernel_free(kernel);
    return PyErr_NoMemory();
  }
  memcpy(codes, last->buf, (size_t)last->len);
  self->last = codes;
  self->kernel = kernel;
  self->inputs = program->input_count;
  for (int i = 0; i < self->inputs; ++i) self->width[i] = program->inputs[i].width;
  self->outputs = program->output_count;
  self->shape = Py_NewRef(shape);
  return (PyObject *)self;
}

static Py_ssize_t numbers_of(PyObject *shape) {
  Py_ssize_t numbers = 1;
  for (Py_ssize_t i = 0; i < PyTuple_Size(shape); ++i) {
    const Py_ssize_t size = PyLong_AsSsize_t(PyTuple_GetItem(shape, i));
    if (size < 0 || size > INT32_MAX || numbers > INT32_MAX) return -1;
    numbers *= size;
  }
  return numbers;
}

PyDoc_STRVAR(runner_doc,
             "Runner(code, weights, scratch, inputs, outputs, shape, last)\n\n"
             "A program, copied and checked: `code` int32 and `weights` float32 as kernel/program.h has them, numbers of\n"
             "`scratch`, `inputs` int32 [inputs, 2] of place and width, `outputs` int32, the `shape` of a row of them, and of\n"
             "each number of the second input its highest code, −1 where it is of no category, int32.\n\n"
             "Raises ValueError for a program that leaves its bounds.");
static PyObject *runner_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
  (void)keywords;
  PyObject *given[VIEWS], *shape;
  int scratch;
  if (!PyArg_ParseTuple(arguments, "OOiOOO!O", &given[0], &given[1], &scratch, &given[2], &given[3], &PyTuple_Type, &shape,
                        &given[4]))
    return NULL;
  Py_buffer views[VIEWS];
  int held = 0;
  while (held < VIEWS && get_words(given[held], &views[held], held == 1 ? "f" : "il")) ++held;
  PyObject *self = NULL;
  if (held == VIEWS) {
    Program program = {.code = views[0].buf, .length = (int32_t)(views[0].len / 4),
                       .weights = views[1].buf, .weight_count = views[1].len / 4,
                       .scratch = scratch, .input_count = (int32_t)(views[2].len / 8),
                       .outputs = views[3].buf, .output_count = (int32_t)(views[3].len / 4)};
    if (program.input_count <= MOST_INPUTS) memcpy(program.inputs, views[2].buf, (size_t)program.input_count * sizeof(Input));
    if (numbers_of(shape) != program.output_count)
      PyErr_SetString(PyExc_ValueError, "the outputs do not have the shape");
    else if (views[4].len / 4 != (program.input_count == 2 ? program.inputs[1].width : 0))
      PyErr_SetString(PyExc_ValueError, "the codes are not those of the context");
    else
      self = runner_of(type, &program, shape, &views[4]);
  }
  release(views, held);
  return self;
}

static void runner_free(PyObject *object) {
  Runner *self = (Runner *)object;
  PyTypeObject *type = Py_TYPE(object);
  if (self->kernel) kernel_free(self->kernel);
  free(self->last);
  Py_XDECREF(self->shape);
  freefunc release_memory = (freefunc)PyType_GetSlot(type, Py_tp_free);
  release_memory(object);
  Py_DECREF(type);
}

static PyMethodDef runner_methods[] = {
    {"run", (PyCFunction)(void (*)(void))runner_run, METH_FASTCALL, run_doc},
    {"run_into", (PyCFunction)(void (*)(void))runner_run_into, METH_FASTCALL, run_into_doc},
    {"score", (PyCFunction)(void (*)(void))runner_score, METH_FASTCALL, score_doc},
    {"draw", runner_draw, METH_VARARGS, draw_doc},
    {0},
};
static PyType_Slot runner_slots[] = {
    {Py_tp_doc, (void *)runner_doc},  {Py_tp_new, (void *)runner_new}, {Py_tp_dealloc, (void *)runner_free},
    {Py_tp_methods, runner_methods}, {0},
};
static PyType_Spec runner_spec = {"flowexport_native.Runner", sizeof(Runner), 0, Py_TPFLAGS_DEFAULT, runner_slots};

PyObject *runner_type(void) { return PyType_FromSpec(&runner_spec); }
