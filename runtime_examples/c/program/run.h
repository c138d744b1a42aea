/* The mode in which a program answers requests over standard input: ../../README.md, "The mode run". */
#ifndef RUN_H
#define RUN_H

/* Opens a bundle and answers until there are no more requests. digest: that it must have, or NULL.
 * Returns the exit status. */
int run(const char *folder, const char *digest);

#endif
