/** The kinds of entries that a job may name. */
export type Kind = 'optimizer' | 'selector' | 'datasampler' | 'privacy'

export const kinds = ['optimizer', 'selector', 'datasampler', 'privacy'] as const satisfies readonly Kind[]
