/** The client before Sentry's present one, in a page that nobody has touched for years. */
// @ts-expect-error: Debian has it, and it is resolved where the script is built.
import Raven from 'raven-js'

Object.assign(window, { Raven })
