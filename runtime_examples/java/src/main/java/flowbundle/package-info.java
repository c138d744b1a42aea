/**
 * Bundles of flowexport: {@link flowbundle.Model#open} one, then {@code logProb}, {@code
 * percentile} and {@code sample}. The format is that of docs/bundle.md.
 */
package flowbundle;
