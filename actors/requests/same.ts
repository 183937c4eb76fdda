import { catalogueError } from '../model/errors.ts'

/** FIELD_DIFFERS if the body names another owner than the address. */
export function sameOwner(user: string, { userId }: { readonly userId?: string }): void {
  if (userId !== undefined && userId !== user)
    throw catalogueError('FIELD_DIFFERS', { field: 'userId', given: userId, expected: user })
}

/** FIELD_DIFFERS if the body names another thing than the address. */
export function sameId(expected: string, { id }: { readonly id?: string }): void {
  if (id !== undefined && id !== expected) throw catalogueError('FIELD_DIFFERS', { field: 'id', given: id, expected })
}
