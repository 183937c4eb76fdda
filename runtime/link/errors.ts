import { CodedError, errorFactory } from '../errors/coded-error.ts'
import { fileErrorCode } from '../errors/file-reason.ts'

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
  LINK_DAMAGED: {
    message: 'a frame of node {node} was damaged on its way',
    hint: 'the session goes on with the next route; if this repeats, check what lies between the nodes',
  },
  LINK_SILENT: {
    message: 'node {node} has not answered for {silentMs} ms',
    hint: 'the session goes on with the next route; check the network between the nodes, and that the node still runs',
  },
  LINK_QUARANTINE: {
    message: 'node {node} is not let in for {forMs} ms: it has sent too much that was refused',
    hint: 'find out what the node sends: its tokens or its version may be wrong; it is let in again after the time',
  },
  LINK_VERSION: {
    message: 'the other node speaks versions {found} of the protocol, but this node speaks {own}',
    hint: 'update the older of both nodes',
  },
  LINK_TOKEN: {
    message: 'node {node} is not let in: its token is not accepted',
    hint: 'set FLAME_TOKEN, or name a --token-file, with a token of the scope flamelet for this name: flamectl token <user> --scope flamelet, on the machine of the server, whose log and audit log have the reason',
  },
  LINK_REPLAY: {
    message: 'node {node} is not let in: its greeting answers another challenge',
    hint: 'nothing needs to be done if the node greets again by itself; otherwise somebody repeats a greeting that was overheard',
  },
  LINK_NAME: {
    message: 'node {node} is not let in: {found}',
    hint: 'give each node a name of its own, and the name that its token was issued for',
  },
  LINK_INCARNATION: {
    message: 'node {node} is not let in: its incarnation {incarnation} has ended',
    hint: 'start the node again; it then begins a new incarnation',
  },
  LINK_BUSY: {
    message: 'node {node} is not let in now: {found}',
    hint: 'nothing needs to be done: the node dials again by itself',
  },
  LINK_NODE_ENDED: {
    message: 'node {node} has ended: {reason}',
    hint: 'wait until the node has started again, and get new references',
  },
  LINK_ADDRESS: {
    message: '{address} is no address of a node: {found}',
    hint: 'give an address such as ws://localhost:10100 or wss://example.org/link, or mqtts://broker:8883 of a broker, without a token, a user or a password',
  },
  LINK_UNREACHABLE: {
    message: 'no route to {address}: {found}',
    hint: 'check the address, that the server runs, and what lies between; a flamelet tries again by itself',
  },
  LINK_CERTIFICATE: {
    message: 'no route to {address}: its certificate is not trusted: {found}',
    hint: 'give the certificate of its authority by --ca, and check that the address has a name that the certificate has',
  },
  LINK_BROKER: {
    message: 'the broker {address} refuses {user}: {found}',
    hint: "check user and password, and the broker's list of who may use which topics (docs/brokers.md)",
  },
  LINK_TOPIC: {
    message: '{name} cannot be a part of a topic of MQTT',
    hint: 'choose a user without slash, plus, number sign and blank, and names of at most 200 characters',
  },
  LINK_ROUTE: {
    message: 'a route is lost: {found}',
    hint: 'the session goes on with the next route; if this repeats, check what lies between the nodes',
  },
} as const

export const linkError = errorFactory(linkErrors)

export type LinkError = CodedError<keyof typeof linkErrors>

/** The error that another node has sent. A code that this version doesn't know becomes LINK_HANDSHAKE. */
export function sentError(code: string, reason: string, node: string): LinkError {
  if (!isLinkCode(code)) return linkError('LINK_HANDSHAKE', { node, found: reason })
  return new CodedError(code, { message: '{reason}', hint: linkErrors[code].hint }, { node, reason })
}

export function isLinkError(thrown: unknown): thrown is LinkError {
  return thrown instanceof CodedError && isLinkCode(thrown.code)
}

function isLinkCode(code: string): code is keyof typeof linkErrors {
  return Object.hasOwn(linkErrors, code)
}

/**
 * Whether a watched actor's end, or a failed ask, came from the end of the actor's node, which may begin another life.
 */
export function isNodeEnd(cause: unknown): boolean {
  return cause instanceof CodedError && cause.code === 'LINK_NODE_ENDED'
}

const networkWords: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'this machine has no free port, or no such address',
  EAI_AGAIN: 'the name of the host cannot be looked up now',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was reset',
  EHOSTUNREACH: 'no way leads to the host',
  EMFILE: 'this process has too many open files',
  ENETUNREACH: 'no way leads to the network',
  ENOTFOUND: 'no host has this name',
  EPIPE: 'the connection was closed',
  EPROTO: 'the server speaks no TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server speaks no TLS',
  ETIMEDOUT: 'the host does not answer',
}

/** Codes of OpenSSL and Node for a certificate that isn't trusted. */
const certificateCode = /CERT|ISSUER|SIGNATURE|^CRL_/

/** The error of a route that can't be made, after a fault of Node's network or TLS: LINK_UNREACHABLE, LINK_CERTIFICATE. */
export function unreachable(address: string, fault: unknown): CodedError {
  const code = fileErrorCode(fault)
  const words = code === undefined ? undefined : networkWords[code]
  const said = fault instanceof Error && fault.message ? fault.message : 'the connection was closed'
  const found = words === undefined ? said : `${words} (${code})`
  const isCertificate = code !== undefined && certificateCode.test(code)
  return linkError(isCertificate ? 'LINK_CERTIFICATE' : 'LINK_UNREACHABLE', { address, found }, { cause: fault })
}
