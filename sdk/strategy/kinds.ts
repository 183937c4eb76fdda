/** The kinds of entries that a job may name. */
export type Kind = 'optimizer' | 'selector' | 'datasampler' | 'stages' | 'privacy' | 'attack'

export const kinds = [
  'optimizer',
  'selector',
  'datasampler',
  'stages',
  'privacy',
  'attack',
] as const satisfies readonly Kind[]
