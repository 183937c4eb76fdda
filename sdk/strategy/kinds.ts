/** The kinds of entries that a job may name. */
export type Kind = 'optimizer' | 'selector' | 'datasampler' | 'stages' | 'privacy'

export const kinds = ['optimizer', 'selector', 'datasampler', 'stages', 'privacy'] as const satisfies readonly Kind[]
