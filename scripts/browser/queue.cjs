/** denque, as far as nact calls it. Our kernel keeps the messages, so that a mailbox of nact has hardly more than one. */
module.exports = class extends Array {
  toArray() {
    return [...this]
  }
}
