/** WCAG 2.2 AA, as far as a program can check it. */
import { expect } from '@jest/globals';
import axe from 'axe-core';
import type { Page } from 'playwright-core';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'];
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };

const LOOKS = [
  { name: 'light', colorScheme: 'light', viewport: DESKTOP },
  { name: 'dark', colorScheme: 'dark', viewport: DESKTOP },
  { name: 'dark on a phone', colorScheme: 'dark', viewport: PHONE },
] as const;

/** For visit: put into the page before its policy holds. */
export const AXE_SCRIPT: string = axe.source;

/** Fails when the page as it is breaks a rule in light, in dark or on a phone, or is wider than its window. */
export async function expectAccessible(page: Page): Promise<void> {
  for (const { name, colorScheme, viewport } of LOOKS) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize(viewport);
    const { violations } = await page.evaluate<axe.AxeResults>(
      `axe.run(document, { runOnly: ${JSON.stringify(TAGS)}, resultTypes: ['violations'] })`,
    );
    const found = violations.map(({ id, nodes }) => [id, nodes.map(({ failureSummary }) => failureSummary)]);
    expect([name, found]).toEqual([name, []]);
    const tooWide = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return scrollWidth - clientWidth;
    });
    expect([name, tooWide]).toEqual([name, 0]);
  }
}
