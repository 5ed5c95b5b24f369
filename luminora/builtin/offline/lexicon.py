"""Words the rules know: relations, jobs, places, names, titles, languages.

Everything is folded (lower case, no accents), English and Spanish side by side; a word list reads
as prose and is split once at import.
"""

from __future__ import annotations

from luminora.providers.vocabulary import ANIMALS


def word_set(prose: str) -> frozenset[str]:
    """The words of ``prose``; an underscore stands for a space inside one entry."""
    return frozenset(word.replace("_", " ") for word in prose.split())


ANY_PET = frozenset({"mascota", "pet"})
PETS = ANIMALS.keys() | ANY_PET

_RELATIVES = {
    "brother": "hermano hermanito brother bro",
    "sister": "hermana hermanita sister sis",
    "mother": "madre mama mami mother mom mum mommy mummy",
    "father": "padre papa papi father dad daddy",
    "son": "hijo son",
    "daughter": "hija daughter",
    "grandmother": "abuela abuelita grandmother grandma granny nana",
    "grandfather": "abuelo abuelito grandfather grandpa granddad",
    "aunt": "tia aunt auntie",
    "uncle": "tio uncle",
    "cousin": "primo prima cousin",
    "nephew": "sobrino nephew",
    "niece": "sobrina niece",
    "mother_in_law": "suegra mother-in-law",
    "father_in_law": "suegro father-in-law",
    "sister_in_law": "cunada sister-in-law",
    "brother_in_law": "cunado brother-in-law",
    "grandson": "nieto grandson",
    "granddaughter": "nieta granddaughter",
}
_OTHERS = {
    "partner": "novio novia esposo esposa marido mujer pareja prometido prometida husband wife"
    " boyfriend girlfriend partner fiance fiancee spouse",
    "friend": "amigo amiga friend bestie buddy mate",
    "boss": "jefe jefa boss manager",
    "coworker": "companero companera colega coworker colleague",
    "roommate": "roommate flatmate housemate",
    "teacher": "profesor profesora teacher tutor",
    "neighbor": "vecino vecina neighbor neighbour",
}
RELATIVES = {word: role for role, words in _RELATIVES.items() for word in words.split()}
RELATIONS = RELATIVES | {word: role for role, words in _OTHERS.items() for word in words.split()}

JOBS_ES = word_set(
    "abogado abogada actor actriz administrativo administrativa agricultor agricultora albanil ama"
    " analista arquitecto arquitecta artista auxiliar azafata azafato bailarin bailarina barbero"
    " bibliotecario bibliotecaria biologo biologa bombero bombera cajero cajera camarero camarera"
    " camionero camionera cantante carnicero carpintero cartero cartera celador celadora chef"
    " chofer"
    " cientifico cientifica cirujano cirujana cocinero cocinera comercial conductor conductora"
    " conserje consultor consultora contable contador contadora dentista dependiente dependienta"
    " director directora disenador disenadora economista editor editora electricista empresario"
    " empresaria enfermero enfermera entrenador entrenadora escritor escritora escultor escultora"
    " farmaceutico farmaceutica fisico fisica fisioterapeuta fontanero fontanera fotografo"
    " fotografa"
    " funcionario funcionaria ganadero gerente geologo geologa guia ilustrador ilustradora"
    " informatico"
    " informatica ingeniero ingeniera investigador investigadora jardinero jardinera jefe joyero"
    " juez"
    " jueza limpiador limpiadora locutor locutora logopeda maestro maestra maquinista marinero"
    " matematico matematica mecanico mecanica medico medica mensajero meteorologo militar minero"
    " modelo musico musica ninera notario notaria nutricionista obrero oficinista panadero panadera"
    " panadera pastelero pastelera pediatra peluquero peluquera periodista pescador piloto pintor"
    " pintora policia portero profesor profesora programador programadora psicologo psicologa"
    " psiquiatra publicista quimico quimica recepcionista repartidor repartidora sastre secretario"
    " secretaria soldado soldador taxista tecnico tecnica terapeuta traductor traductora vendedor"
    " vendedora veterinario veterinaria vigilante zapatero autonomo autonoma estudiante"
    " desarrollador"
    " desarrolladora becario becaria opositor opositora youtuber streamer"
)
JOBS_EN = word_set(
    "accountant actor actress analyst animator architect artist astronaut attorney author baker"
    " barber"
    " barista bartender biologist builder butcher carpenter cashier chef chemist cleaner clerk"
    " coach"
    " comedian composer consultant contractor cook counselor dancer dentist designer developer"
    " dietitian director doctor driver economist editor electrician engineer entrepreneur farmer"
    " filmmaker firefighter fisherman florist freelancer gardener geologist guard hairdresser"
    " historian illustrator instructor intern janitor journalist judge lawyer lecturer librarian"
    " machinist manager marketer mathematician mechanic midwife miner model musician nanny novelist"
    " nurse nutritionist officer optician painter paralegal paramedic pediatrician pharmacist"
    " photographer physician physicist pilot planner plumber poet policeman policewoman producer"
    " professor programmer psychiatrist psychologist publisher realtor receptionist recruiter"
    " reporter researcher sailor salesman saleswoman salesperson scientist sculptor secretary"
    " singer"
    " soldier statistician streamer student surgeon tailor teacher technician therapist tester"
    " trainer translator trucker tutor typist veterinarian vet videographer waiter waitress welder"
    " writer youtuber zookeeper assistant administrator supervisor specialist strategist executive"
)
FIELDS = word_set(
    "it ti informatica tecnologia tech technology marketing ventas sales finanzas finance banca"
    " banking"
    " educacion education sanidad healthcare salud construccion construction hosteleria hospitality"
    " turismo tourism logistica logistics publicidad advertising recursos_humanos hr"
    " human_resources"
    " consultoria consulting investigacion research ciencia moda fashion retail agricultura"
    " periodismo"
    " journalism derecho law seguros insurance inmobiliaria real_estate politica politics diseno"
    " design"
    " software ingenieria engineering contabilidad accounting produccion medios media"
    " ciberseguridad"
    " cybersecurity data_science publishing seguridad security television tv cine transporte"
)
WORKPLACES = word_set(
    "banco hospital escuela colegio instituto tienda restaurante bar hotel fabrica oficina"
    " universidad"
    " empresa clinica farmacia supermercado agencia taller startup bank school shop store"
    " restaurant"
    " factory office university company clinic pharmacy supermarket agency cafe cafeteria bakery"
    " panaderia library biblioteca museum museo warehouse almacen lab laboratorio laboratory gym"
    " gimnasio call_center law_firm bufete guarderia kindergarten airport aeropuerto farm granja"
    " consultora multinacional peluqueria libreria bookshop"
)
CONDITIONS = word_set(
    "diabetes asma asthma ansiedad anxiety depresion depression migranas migraines epilepsia"
    " epilepsy"
    " hipertension insomnio insomnia artritis arthritis cancer tdah adhd autismo autism anemia"
    " fibromialgia fibromyalgia celiaquia lupus"
)
AILING = word_set(
    "diabetico diabetica asmatico asmatica epileptico epileptica hipertenso hipertensa diabetic"
    " asthmatic epileptic autista autistic"
)
DIETS = word_set(
    "vegetariano vegetariana vegano vegana celiaco celiaca vegetarian vegan celiac pescatarian"
)
STATUSES = word_set(
    "soltero soltera casado casada divorciado divorciada viudo viuda separado separada single"
    " married"
    " divorced widowed engaged"
)
LANGUAGES = word_set(
    "espanol castellano ingles frances aleman italiano portugues japones chino coreano ruso arabe"
    " catalan gallego euskera vasco holandes sueco noruego danes polaco griego turco hebreo hindi"
    " latin"
    " mandarin english spanish french german italian portuguese japanese chinese korean russian"
    " arabic"
    " dutch swedish norwegian danish polish greek turkish hebrew catalan finnish thai vietnamese"
)
NATIONALITIES = word_set(
    "espanol espanola mexicano mexicana argentino argentina colombiano colombiana chileno chilena"
    " peruano peruana venezolano venezolana uruguayo uruguaya paraguayo paraguaya boliviano"
    " boliviana"
    " ecuatoriano ecuatoriana cubano cubana dominicano dominicana guatemalteco guatemalteca"
    " hondureno"
    " hondurena costarricense panameno panamena salvadoreno salvadorena nicaraguense puertorriqueno"
    " puertorriquena brasileno brasilena portugues portuguesa frances francesa italiano italiana"
    " aleman alemana ingles inglesa britanico britanica irlandes irlandesa estadounidense"
    " canadiense"
    " japones japonesa chino china coreano coreana ruso rusa marroqui andaluz andaluza catalan"
    " catalana"
    " gallego gallega vasco vasca american british english irish scottish welsh canadian australian"
    " mexican spanish french german italian portuguese brazilian argentinian colombian chilean"
    " peruvian"
    " cuban indian chinese japanese korean russian polish dutch swedish norwegian danish finnish"
    " greek"
    " turkish egyptian nigerian filipino vietnamese thai ukrainian romanian moroccan"
)
PLACES = word_set(
    "madrid barcelona valencia sevilla zaragoza malaga murcia bilbao alicante cordoba granada vigo"
    " gijon"
    " toledo salamanca cadiz santander oviedo pamplona ibiza mallorca tenerife espana mexico cdmx"
    " guadalajara monterrey puebla cancun bogota medellin cali cartagena colombia lima cusco peru"
    " quito"
    " guayaquil ecuador santiago valparaiso chile buenos_aires rosario mendoza argentina montevideo"
    " uruguay asuncion paraguay la_paz bolivia caracas venezuela panama costa_rica san_jose"
    " guatemala"
    " honduras nicaragua el_salvador cuba la_habana habana republica_dominicana puerto_rico brasil"
    " brazil rio_de_janeiro sao_paulo lisboa lisbon oporto porto portugal paris lyon marsella"
    " francia"
    " france londres london manchester liverpool inglaterra england escocia scotland irlanda"
    " ireland"
    " dublin dublin edinburgh roma rome milan venecia venice florencia florence napoles italia"
    " italy"
    " berlin munich hamburg alemania germany viena vienna austria suiza switzerland zurich ginebra"
    " amsterdam holanda netherlands belgica belgium bruselas brussels suecia sweden estocolmo"
    " noruega"
    " norway oslo dinamarca denmark copenhague finlandia finland islandia iceland polonia poland"
    " praga"
    " prague hungria hungary budapest grecia greece atenas athens turquia turkey estambul istanbul"
    " egipto egypt marruecos morocco rusia russia moscu moscow india nepal himalaya himalayas"
    " tailandia"
    " thailand bangkok vietnam china pekin beijing shanghai hong_kong japon japan tokio tokyo"
    " kioto kyoto"
    " osaka corea korea seul seoul australia sydney melbourne nueva_zelanda new_zealand canada"
    " toronto"
    " vancouver montreal usa estados_unidos nueva_york new_york los_angeles san_francisco chicago"
    " boston"
    " seattle miami texas california florida hawaii hawai alaska kenia kenya sudafrica patagonia"
    " bali"
)
NAMES = word_set(
    "carlos diego juan pedro luis jose maria ana laura carla carmen marta lucia sofia elena paula"
    " sara"
    " andrea julia claudia cristina patricia raquel rosa pilar isabel alba irene miguel javier"
    " antonio"
    " manuel francisco david daniel pablo alejandro sergio jorge alberto fernando rafael raul ivan"
    " ruben"
    " oscar adrian mario victor hugo marcos jaime ignacio andres ricardo eduardo roberto gabriel"
    " mateo"
    " santiago sebastian tomas nicolas martin lucas leo valentina camila valeria mariana daniela"
    " gabriela"
    " fernanda natalia veronica monica silvia beatriz teresa lola pepe paco alice anna emma olivia"
    " emily"
    " jessica ashley sarah jennifer amanda megan rachel kate katie lucy amy helen mary susan linda"
    " karen"
    " nancy john james robert michael william richard joseph thomas charles matthew anthony mark"
    " steven"
    " paul andrew kevin brian george edward jason jeff ryan jacob nick eric jonathan justin scott"
    " brandon"
    " ben sam jack peter henry oliver harry charlie tom mike chris alex max bob jim joe ruly noah"
    " liam"
)

TITLES = {
    "anime": word_set(
        "naruto one_piece bleach dragon_ball dragon_ball_z attack_on_titan death_note evangelion"
        " neon_genesis_evangelion fullmetal_alchemist my_hero_academia demon_slayer jujutsu_kaisen"
        " sailor_moon cowboy_bebop hunter_x_hunter spy_x_family chainsaw_man one_punch_man inuyasha"
        " sword_art_online haikyuu tokyo_ghoul oliver_y_benji doraemon shingeki_no_kyojin frieren"
        " los_caballeros_del_zodiaco saint_seiya detective_conan"
    ),
    "game": word_set(
        "minecraft fortnite the_legend_of_zelda zelda super_mario mario_kart pokemon"
        " league_of_legends"
        " valorant overwatch animal_crossing stardew_valley the_witcher elden_ring dark_souls"
        " skyrim"
        " the_sims los_sims among_us roblox call_of_duty counter_strike world_of_warcraft tetris"
        " hollow_knight baldurs_gate hades portal terraria final_fantasy god_of_war"
        " red_dead_redemption"
    ),
    "band": word_set(
        "queen the_beatles los_beatles coldplay metallica radiohead nirvana pink_floyd"
        " the_rolling_stones"
        " u2 ac/dc led_zeppelin iron_maiden linkin_park imagine_dragons arctic_monkeys estopa"
        " vetusta_morla"
        " heroes_del_silencio mecano soda_stereo caifanes mana cafe_tacvba bts blackpink muse"
        " oasis gorillaz"
        " daft_punk the_cure depeche_mode green_day extremoduro la_oreja_de_van_gogh los_planetas"
    ),
    "team": word_set(
        "real_madrid barca barcelona_fc fc_barcelona atletico atletico_de_madrid betis athletic"
        " sevilla_fc"
        " valencia_cf real_sociedad boca boca_juniors river river_plate racing club_america chivas"
        " cruz_azul pumas tigres alianza_lima colo_colo nacional penarol flamengo santos arsenal"
        " liverpool"
        " chelsea manchester_united manchester_city tottenham juventus inter milan_ac ac_milan"
        " bayern"
        " bayern_munich borussia_dortmund psg ajax lakers los_angeles_lakers celtics chicago_bulls"
        " golden_state_warriors yankees red_sox"
    ),
    "series": word_set(
        "breaking_bad game_of_thrones juego_de_tronos friends the_office stranger_things"
        " la_casa_de_papel"
        " black_mirror better_call_saul the_sopranos los_soprano the_wire los_simpson the_simpsons"
        " doctor_who"
        " sherlock peaky_blinders succession the_crown lost twin_peaks"
    ),
    "movie": word_set(
        "star_wars the_matrix matrix el_senor_de_los_anillos the_lord_of_the_rings titanic"
        " inception"
        " interstellar el_padrino the_godfather pulp_fiction el_viaje_de_chihiro spirited_away"
        " el_laberinto_del_fauno amelie blade_runner jurassic_park"
    ),
}
TITLE_OF = {title: kind for kind, titles in TITLES.items() for title in titles}
