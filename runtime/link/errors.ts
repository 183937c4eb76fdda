import { CodedError, errorFactory } from '../errors/coded-error.ts'

const linkErrors = {
  LINK_VALUE: {
    message: '{found} cannot travel to another node',
    hint: 'send plain objects, arrays, texts, numbers, bigints, typed arrays, errors and refs, at most 100 levels deep',
  },
  LINK_NO_DECODER: {
    message: '{path} cannot be given to another node: it names no decoder of messages',
    hint: 'give `decode` among the options of spawn or ask',
  },
  LINK_FRAME: {
    message: 'a frame of node {node} cannot be read: {found}',
    hint: 'see that both nodes run versions that speak the same protocol; the session with that node is closed',
  },
  LINK_HANDSHAKE: {
    message: 'no session with node {node}: {found}',
    hint: 'see the versions, names and incarnations of both nodes; a node that was declared dead starts again as a new incarnation',
  },
  LINK_NODE_ENDED: {
    message: 'node {node} has ended: {reason}',
    hint: 'wait until it is started again, and take new references',
  },
} as const

export const linkError = errorFactory(linkErrors)

/** Whether a watched actor's end, or a failed ask, came from the end of the actor's node: the node may begin another life. */
export function isNodeEnd(cause: unknown): boolean {
  return cause instanceof CodedError && cause.code === 'LINK_NODE_ENDED'
}
