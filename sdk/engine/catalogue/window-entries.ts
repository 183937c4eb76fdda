import type { LayerEntry } from './entries.ts'

const image = [[4, 4, 3]]
const sequence = [[6, 3]]
const steps = { data_format: 'order of dimensions: [steps, channels]' }
const pooledSteps = {
  ...steps,
  pool_size: 'number of steps of a window',
  strides: 'distance of the windows; by default their size',
}

/** The entries of layers whose windows move along a sequence, or make an image larger. */
export const windowEntries: readonly LayerEntry[] = [
  {
    className: 'Conv1D',
    summary: 'A convolution along the steps of a sequence, of all its channels.',
    settings: {
      ...steps,
      filters: 'number of output channels',
      kernel_size: 'number of steps of a window',
      dilation_rate: 'distance of the steps of a window',
      padding: '`same` adds zeros on both sides, `causal` before the first step alone, so that no later step counts',
    },
    example: { config: { filters: 2, kernel_size: 3 }, inputs: sequence },
  },
  {
    className: 'MaxPooling1D',
    summary: 'The largest value of each window along the steps, by channel.',
    settings: pooledSteps,
    example: { inputs: sequence },
  },
  {
    className: 'AveragePooling1D',
    summary: 'The mean of each window along the steps, by channel. Padding does not count.',
    settings: pooledSteps,
    example: { inputs: sequence },
  },
  {
    className: 'GlobalAveragePooling1D',
    summary: 'The mean over the steps, by channel.',
    settings: steps,
    example: { inputs: sequence },
  },
  {
    className: 'GlobalMaxPooling1D',
    summary: 'The largest value over the steps, by channel.',
    settings: steps,
    example: { inputs: sequence },
  },
  {
    className: 'GlobalMaxPooling2D',
    summary: 'The largest value of an image, by channel.',
    example: { inputs: image },
  },
  {
    className: 'Conv2DTranspose',
    summary: 'A transposed convolution: the gradient of a convolution, from its outputs to a larger image.',
    source: 'Zeiler et al., CVPR 2010',
    settings: {
      filters: 'number of output channels',
      padding: 'with `same`, the image is as many times larger as the strides say; with `valid`, windows reach beyond',
    },
    example: { config: { filters: 2, kernel_size: 3 }, inputs: image },
  },
  {
    className: 'UpSampling2D',
    summary: 'A larger image, in which each pixel is a block of pixels.',
    settings: {
      size: 'height and width of the blocks',
      interpolation: '`nearest` repeats a pixel, `bilinear` interpolates between pixels',
    },
    example: { inputs: image },
  },
]
