/**
 * The broker Aedes. The build replaces this module by a bundle with the broker in it (scripts/bundles.js), so that users
 * don't install it.
 */
export { Aedes, type Client } from 'aedes'
