import type { Command } from 'commander'

export const verbs = [
  { name: 'create', description: 'create a thing' },
  { name: 'get', description: 'show a thing, or list things' },
  { name: 'update', description: 'change a thing' },
  { name: 'remove', description: 'remove a thing' },
  { name: 'start', description: 'start a job' },
  { name: 'stop', description: 'stop a job' },
] as const

/** What can be done with things of one kind: under each verb the commands of that kind. */
export type Verbs = { readonly [Name in (typeof verbs)[number]['name']]?: readonly Command[] }
