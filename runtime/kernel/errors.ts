import { errorFactory } from '../errors/coded-error.ts'

const kernelErrors = {
  KERNEL_NAME_TAKEN: {
    message: '{parent} has a living child {name} already',
    hint: 'stop the child first and wait until it has stopped, or choose another name',
  },
  KERNEL_NAME_INVALID: {
    message: 'an actor name must not be empty or contain a slash, but this name is {name}',
    hint: 'choose a name without a slash',
  },
  KERNEL_STOPPED: { message: '{path} has stopped', hint: 'watch actors that may stop, and get a new reference' },
  KERNEL_ASK_TIMEOUT: {
    message: '{path} did not answer within {timeoutMs} ms',
    hint: 'find out why the actor is slow, or wait longer',
  },
  KERNEL_NO_REF: {
    message: '{path} is not a reference of an actor system',
    hint: 'use only references from spawn or from a message',
  },
  KERNEL_ASK_DECODER: {
    message: '{path} is an actor of another node, but the ask has no decoder for the reply',
    hint: 'set `decode` in the options of the ask',
  },
  KERNEL_UNDECODABLE: {
    message: 'another node sent {path} a message outside its protocol',
    hint: 'check that both nodes run versions with the same messages',
  },
  KERNEL_STALE: { message: 'this incarnation of {path} has ended', hint: 'use the context of the present incarnation' },
} as const

export const kernelError = errorFactory(kernelErrors)
