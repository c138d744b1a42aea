/** The program of runtime_examples/README.md on top of the library. */
package flowbundle.program;
