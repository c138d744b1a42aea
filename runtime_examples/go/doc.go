// Package flowbundle opens a bundle of flowexport and runs it: the log-density of rows, and samples that are
// the same in every language for the same seed.
//
// Nothing of a bundle is trusted: sizes are bounded, every listed file is held to its hash, and what does not
// fit is an error of this package: a [BundleError], an [InputError] or a [RuntimeError]. The format is described
// in docs/bundle.md.
package flowbundle
