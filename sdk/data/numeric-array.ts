/** Arrays in which the values of a data file are held. 64-bit integers become doubles, if they can exactly. */
export type NumericArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
