/** Sentry's client as one script, as pages without a build have it. */
// @ts-expect-error: it is among the packages of the scenarios, and resolved where the script is built.
import * as Sentry from '@sentry/browser'

Object.assign(window, { Sentry })
