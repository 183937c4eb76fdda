/** Node's `crypto`, as far as nact calls it: nact draws four numbers for the name of a system. */
module.exports = {
  randomBytes: (size) => {
    const bytes = globalThis.crypto.getRandomValues(new Uint8Array(size))
    return { readUInt32BE: () => new DataView(bytes.buffer).getUint32(0) }
  },
}
