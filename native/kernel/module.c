/* The module `_kernel`: kernels for Python, in the limited API of 3.11, so that one wheel serves every later version.
 *
 * It knows numpy by the buffer protocol and two of its objects alone, and so needs none of its headers. */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <string.h>

#include "functions.h"
#include "kernel.h"
#include "noise.h"

/* Below so many rows, handing the interpreter's lock on and back takes longer than others would wait. */
enum { ROWS_TO_UNLOCK = 32 };

/* A block: more rows are for several threads. */
enum { MOST_SCORED = 1024 };

static PyObject *numpy_empty, *float32;
static PyTypeObject *array_type;

typedef struct {
  PyObject_HEAD
  Kernel *kernel;
  int inputs, width[MOST_INPUTS];
  Py_ssize_t outputs;
  PyObject *shape; /* of a row of the output */
} Runner;

static PyObject *new_array(PyObject *shape) { return PyObject_CallFunctionObjArgs(numpy_empty, shape, float32, NULL); }

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

static int is_float32(const Py_buffer *view) { return view->itemsize == 4 && view->format[0] == 'f' && !view->format[1]; }

/* A view of an array [rows, width] of float32 in C order; 0 with no error set where it is none. */
static int get_rows(PyObject *given, Py_buffer *view, Py_ssize_t width) {
  if (PyObject_GetBuffer(given, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0) {
    PyErr_Clear();
    return 0;
  }
  if (is_float32(view) && view->ndim == 2 && view->shape[1] == width) return 1;
  PyBuffer_Release(view);
  return 0;
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

/* Where a density ran over, it is −∞, unless the row itself holds a NaN. */
static void settle(float *log_prob, const float *x, Py_ssize_t rows, int width) {
  for (Py_ssize_t row = 0; row < rows; ++row, x += width) {
    if (log_prob[row] < INFINITY) continue;
    int known = 1;
    for (int i = 0; i < width; ++i) known &= x[i] == x[i];
    log_prob[row] = known ? -INFINITY : NAN;
  }
}

/* Runs on inputs that fit, into a new array. */
static PyObject *run_new(const Runner *self, const float *const *inputs, Py_ssize_t rows, const float *settled) {
  PyObject *out = new_output(self, rows);
  Py_buffer view;
  if (!out || PyObject_GetBuffer(out, &view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) < 0) {
    Py_XDECREF(out);
    return NULL;
  }
  const int failed = run(self, inputs, view.buf, rows) < 0;
  if (!failed && settled) settle(view.buf, settled, rows, self->width[0]);
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

static void release(Py_buffer *views, int held) {
  while (held > 0) PyBuffer_Release(&views[--held]);
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

PyDoc_STRVAR(score_doc,
             "score(x) -> log-densities [rows], −inf where they ran over; None for anything but a numpy array that is\n"
             "what `run` takes, of 1 to 1,024 rows: whoever knows more of arrays and threads is to see to it.");
static PyObject *runner_score(PyObject *object, PyObject *x) {
  Runner *self = (Runner *)object;
  Py_buffer view;
  if (self->inputs != 1 || self->outputs != 1 || Py_TYPE(x) != array_type || !get_rows(x, &view, self->width[0]))
    Py_RETURN_NONE;
  const float *inputs[MOST_INPUTS] = {view.buf};
  const int few = view.shape[0] > 0 && view.shape[0] <= MOST_SCORED;
  PyObject *out = few ? run_new(self, inputs, view.shape[0], view.buf) : Py_NewRef(Py_None);
  PyBuffer_Release(&view);
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

/* Views of the arrays that `new` takes: code, weights, inputs and outputs. */
static int get_words(PyObject *given, Py_buffer *view, const char *formats) {
  if (PyObject_GetBuffer(given, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0) return 0;
  if (view->itemsize == 4 && strchr(formats, view->format[0]) && view->len / 4 <= INT32_MAX) return 1;
  PyBuffer_Release(view);
  PyErr_SetString(PyExc_ValueError, "expected arrays of int32, and weights of float32");
  return 0;
}

static PyObject *runner_of(PyTypeObject *type, const Program *program, PyObject *shape) {
  const char *why;
  Kernel *kernel = kernel_new(program, &why);
  if (!kernel) {
    PyErr_SetString(PyExc_ValueError, why);
    return NULL;
  }
  allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  Runner *self = (Runner *)allocate(type, 0);
  if (!self) {
    kernel_free(kernel);
    return NULL;
  }
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
             "Runner(code, weights, scratch, inputs, outputs, shape)\n\n"
             "A program, copied and checked: `code` int32 and `weights` float32 as kernel/program.h has them, numbers of\n"
             "`scratch`, `inputs` int32 [inputs, 2] of place and width, `outputs` int32, and the `shape` of a row of them.\n\n"
             "Raises ValueError for a program that leaves its bounds.");
static PyObject *runner_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
  (void)keywords;
  PyObject *given[4], *shape;
  int scratch;
  if (!PyArg_ParseTuple(arguments, "OOiOOO!", &given[0], &given[1], &scratch, &given[2], &given[3], &PyTuple_Type, &shape))
    return NULL;
  Py_buffer views[4];
  int held = 0;
  while (held < 4 && get_words(given[held], &views[held], held == 1 ? "f" : "il")) ++held;
  PyObject *self = NULL;
  if (held == 4) {
    Program program = {.code = views[0].buf, .length = (int32_t)(views[0].len / 4),
                       .weights = views[1].buf, .weight_count = views[1].len / 4,
                       .scratch = scratch, .input_count = (int32_t)(views[2].len / 8),
                       .outputs = views[3].buf, .output_count = (int32_t)(views[3].len / 4)};
    if (program.input_count <= MOST_INPUTS) memcpy(program.inputs, views[2].buf, (size_t)program.input_count * sizeof(Input));
    if (numbers_of(shape) != program.output_count)
      PyErr_SetString(PyExc_ValueError, "the outputs do not have the shape");
    else
      self = runner_of(type, &program, shape);
  }
  release(views, held);
  return self;
}

static void runner_free(PyObject *object) {
  Runner *self = (Runner *)object;
  PyTypeObject *type = Py_TYPE(object);
  kernel_free(self->kernel);
  Py_DECREF(self->shape);
  freefunc release_memory = (freefunc)PyType_GetSlot(type, Py_tp_free);
  release_memory(object);
  Py_DECREF(type);
}

PyDoc_STRVAR(normals_doc, "normals(seed, start, count) -> standard normals number `start` … of a seed, float32.");
static PyObject *module_normals(PyObject *module, PyObject *arguments) {
  (void)module;
  unsigned long long seed, start;
  Py_ssize_t count;
  if (!PyArg_ParseTuple(arguments, "KKn", &seed, &start, &count)) return NULL;
  PyObject *shape = PyLong_FromSsize_t(count), *out = shape ? new_array(shape) : NULL;
  Py_XDECREF(shape);
  Py_buffer view;
  if (!out || PyObject_GetBuffer(out, &view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) < 0) {
    Py_XDECREF(out);
    return NULL;
  }
  Py_BEGIN_ALLOW_THREADS
  normals(seed, start, (size_t)count, view.buf);
  Py_END_ALLOW_THREADS
  PyBuffer_Release(&view);
  return out;
}

PyDoc_STRVAR(level_doc, "level(name=None) -> the instruction set of kernels that are made from now on; a name chooses it.");
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

static PyMethodDef runner_methods[] = {
    {"run", (PyCFunction)(void (*)(void))runner_run, METH_FASTCALL, run_doc},
    {"run_into", (PyCFunction)(void (*)(void))runner_run_into, METH_FASTCALL, run_into_doc},
    {"score", runner_score, METH_O, score_doc},
    {"draw", runner_draw, METH_VARARGS, draw_doc},
    {0},
};
static PyType_Slot runner_slots[] = {
    {Py_tp_doc, (void *)runner_doc},  {Py_tp_new, (void *)runner_new}, {Py_tp_dealloc, (void *)runner_free},
    {Py_tp_methods, runner_methods}, {0},
};
static PyType_Spec runner_spec = {"flowexport_native.Runner", sizeof(Runner), 0, Py_TPFLAGS_DEFAULT, runner_slots};

static PyMethodDef module_methods[] = {
    {"normals", module_normals, METH_VARARGS, normals_doc},
    {"level", module_level, METH_VARARGS, level_doc},
    {"levels", module_levels, METH_NOARGS, levels_doc},
    {0},
};
static struct PyModuleDef module_of_kernels = {
    PyModuleDef_HEAD_INIT, "_kernel", "Flows as programs on one small kernel.", -1, module_methods, 0, 0, 0, 0,
};

/* The names of operations and functions in the order of their codes, so that no second table can differ from the first. */
static int add_names(PyObject *module) {
#define NAME(name) #name,
#define NAME_AND_VALUE(name, value) #name,
  static const char *const operations[] = {OPERATIONS(NAME)}, *const functions[] = {FUNCTIONS(NAME_AND_VALUE)};
  PyObject *of_operations = names_of(operations, OPERATION_COUNT), *of_functions = names_of(functions, FUNCTION_COUNT);
  const int failed = !of_operations || !of_functions || PyModule_AddObjectRef(module, "OPERATIONS", of_operations) < 0 ||
                     PyModule_AddObjectRef(module, "FUNCTIONS", of_functions) < 0;
  Py_XDECREF(of_operations);
  Py_XDECREF(of_functions);
  return failed ? -1 : 0;
}

static int take_from_numpy(void) {
  PyObject *numpy = PyImport_ImportModule("numpy");
  if (!numpy) return -1;
  numpy_empty = PyObject_GetAttrString(numpy, "empty");
  array_type = (PyTypeObject *)PyObject_GetAttrString(numpy, "ndarray");
  PyObject *dtype = PyObject_GetAttrString(numpy, "dtype");
  float32 = dtype ? PyObject_CallFunction(dtype, "s", "f4") : NULL;
  Py_XDECREF(dtype);
  Py_DECREF(numpy);
  return numpy_empty && array_type && float32 ? 0 : -1;
}

PyMODINIT_FUNC PyInit__kernel(void) {
  PyObject *module = PyModule_Create(&module_of_kernels);
  PyObject *type = PyType_FromSpec(&runner_spec);
  if (module && type && take_from_numpy() == 0 && PyModule_AddObjectRef(module, "Runner", type) == 0 &&
      add_names(module) == 0) {
    Py_DECREF(type);
    return module;
  }
  Py_XDECREF(type);
  Py_XDECREF(module);
  return NULL;
}
