/** Node's `assert`, as far as nact calls it. */
module.exports = (fact, message = 'an assertion of nact failed') => {
  if (!fact) throw new Error(message)
}
