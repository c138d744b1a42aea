/**
 * An example on top of the library, and the mode in which it answers the driver of all languages.
 */
package flowbundle.program;
