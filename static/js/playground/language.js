// Words in the reader's language: the catalog of /jsi18n/ where it is loaded, else the English of the source.

const { django } = globalThis;

export const gettext = (text) => (django && django.gettext ? django.gettext(text) : text);
export const ngettext = (one, many, number) =>
  django && django.ngettext ? django.ngettext(one, many, number) : number === 1 ? one : many;

/** The text with %(name)s replaced by values. */
export const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => String(values[name]));
