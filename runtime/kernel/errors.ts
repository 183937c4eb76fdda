import { errorFactory } from '../errors/coded-error.ts'

const kernelErrors = {
  KERNEL_NAME_TAKEN: {
    message: '{parent} has a living child {name} already',
    hint: 'stop it first and wait until it has stopped, or choose another name',
  },
  KERNEL_NAME_INVALID: {
    message: 'an actor name is not empty and has no slash, and this is {name}',
    hint: 'choose a name without a slash',
  },
  KERNEL_STOPPED: { message: '{path} has stopped', hint: 'watch an actor that may stop, and take a new reference' },
  KERNEL_ASK_TIMEOUT: {
    message: '{path} did not answer within {timeoutMs} ms',
    hint: 'see why it is slow, or wait longer',
  },
  KERNEL_NO_REF: {
    message: '{path} is no reference of an actor system',
    hint: 'use references that spawn gave, or that came in a message',
  },
  KERNEL_ASK_DECODER: {
    message: '{path} is an actor of another node, and the ask names no decoder of its reply',
    hint: 'give `decode` among the options of the ask',
  },
  KERNEL_UNDECODABLE: {
    message: 'another node sent {path} a message that is none of its protocol',
    hint: 'see that both nodes run versions that know the same messages',
  },
  KERNEL_STALE: { message: 'this incarnation of {path} has ended', hint: 'use the context of the present incarnation' },
} as const

export const kernelError = errorFactory(kernelErrors)
