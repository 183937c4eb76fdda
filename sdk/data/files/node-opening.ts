/** What is made of an opened resource; closes it if that fails. */
export function opening<Resource extends Disposable, Result>(
  resource: Resource,
  make: (resource: Resource) => Result,
): Result {
  try {
    return make(resource)
  } catch (error) {
    resource[Symbol.dispose]()
    throw error
  }
}
