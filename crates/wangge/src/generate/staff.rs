//! Who works in the subdistrict: posts, charges and stand-ins, all made up.
//!
//! Not here: tokens and resource names, which only a server gives.

use std::collections::BTreeMap;

use api::grids::v1::AreaKind;
use api::staff::v1::{Post, PrincipalKind};

use super::areas::Area;
use super::names::People;
use super::places::EXCLUSIVE_GRIDS;
use super::themes::Department;

/// Somebody who works here, or a program that calls for another system.
pub(crate) struct Person {
    /// The number in the staff list: `TS0001`.
    pub(crate) number: String,
    /// Person or program.
    pub(crate) kind: PrincipalKind,
    /// The name; of a department or program, its name.
    pub(crate) name: String,
    /// A phone number that rings nowhere; empty for programs.
    pub(crate) phone: String,
    /// The post.
    pub(crate) post: Post,
    /// The area of the post, an index into the areas.
    pub(crate) area: usize,
    /// Away all day: the stand-in takes over.
    pub(crate) away: bool,
}

/// An area in somebody's charge; all are indices.
pub(crate) struct Charge {
    /// Which area.
    pub(crate) area: usize,
    /// Who is in charge.
    pub(crate) worker: usize,
    /// Who stands in; none: whoever is in charge above.
    pub(crate) stand_in: Option<usize>,
}

/// Programs that report for other systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Program {
    /// The city's hotline.
    Hotline,
    /// The residents' mini-program.
    Residents,
    /// Cameras with analysis.
    Cameras,
    /// Smoke, gas, manhole and water sensors.
    Sensors,
    /// The police's non-police matters.
    Police,
}

impl Program {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Hotline, "12345热线对接"),
        (Self::Residents, "坛山随手拍小程序"),
        (Self::Cameras, "雪亮+AI视频分析"),
        (Self::Sensors, "物联感知平台"),
        (Self::Police, "110联动对接"),
    ];
}

/// All staff. People are in the order of the staff list, charges in the order of the areas.
pub(crate) struct Staff {
    /// The staff list.
    pub(crate) people: Vec<Person>,
    /// Every charge.
    pub(crate) charges: Vec<Charge>,
    posts: BTreeMap<(Post, usize), Vec<usize>>,
    departments: BTreeMap<Department, usize>,
    programs: BTreeMap<Program, usize>,
}

/// One in so many micro-grid workers is away, so that stand-ins are seen at work.
const AWAY_EACH: usize = 40;

impl Staff {
    /// The staff of a tree of areas.
    pub(crate) fn of(areas: &[Area], seed: u64) -> Self {
        let mut staff = Self {
            people: Vec::new(),
            charges: Vec::new(),
            posts: BTreeMap::new(),
            departments: BTreeMap::new(),
            programs: BTreeMap::new(),
        };
        let mut names = People::new(seed, "staff");
        let subdistrict = areas.iter().position(|area| area.kind == AreaKind::Subdistrict).unwrap_or_default();
        staff.fill_subdistrict(&mut names, subdistrict);
        for (index, area) in areas.iter().enumerate() {
            staff.fill_area(&mut names, index, area);
        }
        staff
    }

    /// Holders of a post at exactly this area.
    pub(crate) fn holders(&self, post: Post, area: usize) -> &[usize] {
        self.posts.get(&(post, area)).map_or(&[], Vec::as_slice)
    }

    /// The account of a department.
    pub(crate) fn department(&self, department: Department) -> usize {
        self.departments[&department]
    }

    /// The account of a program.
    pub(crate) fn program(&self, program: Program) -> usize {
        self.programs[&program]
    }

    fn fill_subdistrict(&mut self, names: &mut People, area: usize) {
        for _ in 0..4 {
            self.hire(names, Post::SubdistrictDesk, area);
        }
        self.hire(names, Post::Auditor, area);
        for department in Department::ALL {
            let account = self.hire(names, Post::Department, area);
            department.name().clone_into(&mut self.people[account].name);
            self.departments.insert(department, account);
        }
        for (program, name) in Program::ALL {
            // A grid worker's post allows to report and to see, which is all that another system needs.
            let account = self.hire(names, Post::GridWorker, area);
            let person = &mut self.people[account];
            (person.kind, person.name) = (PrincipalKind::Service, name.to_owned());
            person.phone.clear();
            self.programs.insert(program, account);
        }
    }

    fn fill_area(&mut self, names: &mut People, index: usize, area: &Area) {
        match area.kind {
            AreaKind::Community => {
                let desk = self.hire(names, Post::CommunityDesk, index);
                self.hire(names, Post::CommunityDesk, index);
                self.charges.push(Charge { area: index, worker: desk, stand_in: None });
            }
            AreaKind::BaseGrid => {
                let leader = self.hire(names, Post::GridLeader, index);
                let worker = self.hire(names, Post::GridWorker, index);
                self.charges.push(Charge { area: index, worker, stand_in: Some(leader) });
            }
            AreaKind::MicroGrid => {
                let worker = self.hire(names, Post::MicroGridWorker, index);
                self.people[worker].away = index % AWAY_EACH == 7;
                let base_grid = area.parent.unwrap_or_default();
                let stand_in = self.holders(Post::GridWorker, base_grid).first().copied();
                self.charges.push(Charge { area: index, worker, stand_in });
            }
            AreaKind::ExclusiveGrid => {
                let worker = self.hire(names, Post::MicroGridWorker, index);
                if let Some((_, duty)) = EXCLUSIVE_GRIDS.iter().find(|(what, _)| area.name.ends_with(what)) {
                    let name = std::mem::take(&mut self.people[worker].name);
                    self.people[worker].name = format!("{name}({duty})");
                }
                let desk = area.parent.and_then(|parent| self.holders(Post::CommunityDesk, parent).first().copied());
                self.charges.push(Charge { area: index, worker, stand_in: desk });
            }
            _ => {}
        }
    }

    fn hire(&mut self, names: &mut People, post: Post, area: usize) -> usize {
        let index = self.people.len();
        self.people.push(Person {
            number: format!("TS{:04}", index + 1),
            kind: PrincipalKind::Person,
            name: names.name(),
            phone: names.phone(),
            post,
            area,
            away: false,
        });
        self.posts.entry((post, area)).or_default().push(index);
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Subdistrict;

    fn is_within(subdistrict: &Subdistrict, area: usize, above: usize) -> bool {
        std::iter::successors(Some(area), |area| subdistrict.areas[*area].parent).any(|area| area == above)
    }

    #[test]
    fn every_grid_is_in_charge_of_somebody_who_holds_a_post_there() {
        let subdistrict = Subdistrict::generate(1).unwrap();
        for (index, area) in subdistrict.areas.iter().enumerate() {
            let needed = matches!(
                area.kind,
                AreaKind::Community | AreaKind::BaseGrid | AreaKind::MicroGrid | AreaKind::ExclusiveGrid
            );
            let charges: Vec<&Charge> =
                subdistrict.staff.charges.iter().filter(|charge| charge.area == index).collect();
            assert_eq!(charges.len(), usize::from(needed), "{}", area.name);
            for worker in charges.iter().flat_map(|charge| [Some(charge.worker), charge.stand_in]).flatten() {
                assert!(is_within(&subdistrict, index, subdistrict.staff.people[worker].area), "{}", area.name);
            }
        }
    }

    #[test]
    fn each_base_grid_has_a_leader_and_a_worker_of_its_own() {
        let subdistrict = Subdistrict::generate(1).unwrap();
        let post = |post| subdistrict.staff.people.iter().filter(|person| person.post == post).count();
        assert_eq!(post(Post::GridLeader), 80);
        assert_eq!(post(Post::GridWorker), 80 + Program::ALL.len());
        assert_eq!(post(Post::MicroGridWorker), 352 + EXCLUSIVE_GRIDS.len());
        assert_eq!(post(Post::CommunityDesk), 40);
    }

    #[test]
    fn an_absent_worker_has_a_stand_in_who_is_present() {
        let staff = Subdistrict::generate(1).unwrap().staff;
        let away: Vec<&Charge> = staff.charges.iter().filter(|charge| staff.people[charge.worker].away).collect();
        assert!((3..20).contains(&away.len()), "{}", away.len());
        assert!(away.iter().all(|charge| charge.stand_in.is_some_and(|stand_in| !staff.people[stand_in].away)));
    }
}
