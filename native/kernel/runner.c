/* The type Runner: how one is made of a program, and unmade. */
#include "runner.h"

#include <stdlib.h>
#include <string.h>

/* Arrays that `new` takes: code, weights, inputs, outputs and codes. */
enum { VIEWS = 5 };

static int get_words(PyObject *given, Py_buffer *view, const char *formats) {
  if (PyObject_GetBuffer(given, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0) return 0;
  if (view->itemsize == 4 && strchr(formats, view->format[0]) && view->len / 4 <= INT32_MAX) return 1;
  PyBuffer_Release(view);
  PyErr_SetString(PyExc_ValueError, "expected arrays of int32, and weights of float32");
  return 0;
}

static PyObject *runner_of(PyTypeObject *type, const Program *program, const Shape *shape, const Py_buffer *last) {
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
  self->shape = *shape;
  return (PyObject *)self;
}

/* Takes a shape from a tuple; how many numbers it has, or −1 where it is none of a row. */
static npy_intp get_shape(PyObject *tuple, Shape *shape) {
  npy_intp numbers = 1;
  shape->axes = (int)PyTuple_Size(tuple);
  if (shape->axes > MOST_AXES) return -1;
  for (int i = 0; i < shape->axes; ++i) {
    const npy_intp length = shape->lengths[i] = PyLong_AsSsize_t(PyTuple_GetItem(tuple, i));
    if (length < 0 || length > INT32_MAX || numbers > INT32_MAX) return -1;
    numbers *= length;
  }
  return numbers;
}

PyDoc_STRVAR(
    runner_doc,
    "Runner(code, weights, scratch, inputs, outputs, shape, last)\n\n"
    "A program, copied and checked: `code` int32 and `weights` float32 as kernel/program.h has them, numbers of\n"
    "`scratch`, `inputs` int32 [inputs, 2] of place and width, `outputs` int32, the `shape` of a row of them, and of\n"
    "each number of the second input its highest code, −1 where it is of no category, int32.\n\n"
    "Raises ValueError for a program that leaves its bounds.");
static PyObject *runner_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
  (void)keywords;
  PyObject *given[VIEWS], *tuple;
  Shape shape;
  int scratch;
  if (!PyArg_ParseTuple(arguments, "OOiOOO!O", &given[0], &given[1], &scratch, &given[2], &given[3], &PyTuple_Type,
                        &tuple, &given[4]))
    return NULL;
  Py_buffer views[VIEWS];
  int held = 0;
  while (held < VIEWS && get_words(given[held], &views[held], held == 1 ? "f" : "il")) ++held;
  PyObject *self = NULL;
  if (held == VIEWS) {
    Program program = {.code = views[0].buf,
                       .length = (int32_t)(views[0].len / 4),
                       .weights = views[1].buf,
                       .weight_count = views[1].len / 4,
                       .scratch = scratch,
                       .input_count = (int32_t)(views[2].len / 8),
                       .outputs = views[3].buf,
                       .output_count = (int32_t)(views[3].len / 4)};
    if (program.input_count <= MOST_INPUTS)
      memcpy(program.inputs, views[2].buf, (size_t)program.input_count * sizeof(Input));
    if (get_shape(tuple, &shape) != program.output_count)
      PyErr_SetString(PyExc_ValueError, "the outputs do not have the shape");
    else if (views[4].len / 4 != (program.input_count == 2 ? program.inputs[1].width : 0))
      PyErr_SetString(PyExc_ValueError, "the codes are not those of the context");
    else
      self = runner_of(type, &program, &shape, &views[4]);
  }
  while (held > 0) PyBuffer_Release(&views[--held]);
  return self;
}

static void runner_free(PyObject *object) {
  Runner *self = (Runner *)object;
  PyTypeObject *type = Py_TYPE(object);
  if (self->kernel) kernel_free(self->kernel);
  free(self->last);
  freefunc release_memory = (freefunc)PyType_GetSlot(type, Py_tp_free);
  release_memory(object);
  Py_DECREF(type);
}

static PyType_Slot runner_slots[] = {
    {Py_tp_doc, (void *)runner_doc},
    {Py_tp_new, (void *)runner_new},
    {Py_tp_dealloc, (void *)runner_free},
    {Py_tp_methods, runner_methods},
    {0},
};
static PyType_Spec runner_spec = {"flowexport_native.Runner", sizeof(Runner), 0, Py_TPFLAGS_DEFAULT, runner_slots};

PyObject *runner_type(void) { return PyType_FromSpec(&runner_spec); }
