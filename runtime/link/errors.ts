import { CodedError, errorFactory } from '../errors/coded-error.ts'

const linkErrors = {
  LINK_VALUE: {
    message: '{found} cannot be sent to another node',
    hint: 'send plain objects, arrays, texts, numbers, bigints, typed arrays, errors and refs, at most 100 levels deep',
  },
  LINK_NO_DECODER: {
    message: 'the reference of {path} cannot be given to another node: the actor has no decoder for messages',
    hint: 'set `decode` in the options of spawn or ask',
  },
  LINK_FRAME: {
    message: 'a frame of node {node} cannot be read: {found}',
    hint: 'check that both nodes run versions with the same protocol; the session with this node is closed',
  },
  LINK_HANDSHAKE: {
    message: 'no session with node {node}: {found}',
    hint: 'check the versions, names and incarnations of both nodes; a node that was declared dead must start again as a new incarnation',
  },
  LINK_NODE_ENDED: {
    message: 'node {node} has ended: {reason}',
    hint: 'wait until the node has started again, and get new references',
  },
} as const

export const linkError = errorFactory(linkErrors)

/**
 * Whether a watched actor's end, or a failed ask, came from the end of the actor's node, which may begin another life.
 */
export function isNodeEnd(cause: unknown): boolean {
  return cause instanceof CodedError && cause.code === 'LINK_NODE_ENDED'
}
